#include "broker/daemon/open_bus.hpp"

#include "broker/daemon/nats_servers.hpp"
#include "cluster/embedded_bus.hpp"
#include "cluster/nats_bus.hpp"

#include <utility>

namespace hubbub::daemon {
namespace {

broker::result<std::unique_ptr<broker::event_bus>> open_embedded(const config& how,
                                                                 const broker::clock& time) {
  using mode = cluster::embedded_options::sync_mode;
  return cluster::open_embedded_bus(
      {how.server.data_dir, how.log.sync == sync_mode::full ? mode::full : mode::normal}, how.namespaces,
      time);
}

cluster::nats_options options_of(const config& how) {
  cluster::nats_options o;
  o.servers = nats_servers(how.nats.url).value_or(std::vector<std::string>{});
  o.credentials = how.nats.credentials;
  o.prefix = how.nats.prefix;
  o.node = how.server.node;
  o.replicas = how.nats.replicas;
  o.payload_bytes = how.limits.payload_bytes;
  o.generation = how.nats.generation;
  o.timeout = how.nats.timeout;
  return o;
}

void show_numbers(const cluster::nats_bus& bus, broker::metrics& all) {
  const auto count = [&](const char* name, const char* help, std::uint64_t cluster::nats_figures::*which,
                         const broker::metric_labels& labels = {}) {
    all.counter_from(
        name, help, [&bus, which] { return static_cast<double>(bus.figures().*which); }, labels);
  };
  using figures = cluster::nats_figures;
  constexpr auto strange = "hubbub_nats_strange_messages_total";
  constexpr auto help = "Messages from NATS that were not as they should be, by what was wrong";
  count(strange, help, &figures::foreign, {{"what", "foreign"}});
  count(strange, help, &figures::not_json, {{"what", "not_json"}});
  count(strange, help, &figures::bad_headers, {{"what", "bad_headers"}});
  count("hubbub_nats_missed_total", "Events that NATS did not deliver and that were found in the log",
        &figures::missed);
  count("hubbub_nats_live_lost_total", "Events of live rooms that other nodes sent and that never came",
        &figures::live_lost);
}

} // namespace

broker::result<std::unique_ptr<broker::event_bus>> open_bus(const config& how, const broker::clock& time,
                                                            broker::log_sink& log, broker::metrics& all) {
  if (how.nats.url.empty())
    return open_embedded(how, time);
  auto bus = cluster::open_nats_bus(options_of(how), how.namespaces, time, log);
  if (!bus)
    return bus.error();
  show_numbers(**bus, all);
  return std::unique_ptr<broker::event_bus>{std::move(*bus)};
}

} // namespace hubbub::daemon
