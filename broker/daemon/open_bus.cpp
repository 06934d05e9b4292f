#include "broker/daemon/open_bus.hpp"

#ifdef HUBBUB_DEBUG_COMMANDS
#include "broker/daemon/breakable_bus.hpp"
#endif
#include "broker/daemon/nats_servers.hpp"
#include "broker/daemon/nats_tls.hpp"
#include "cluster/cluster_notices.hpp"
#include "cluster/embedded_bus.hpp"
#include "cluster/nats_backend.hpp"
#include "cluster/nats_bus.hpp"
#include "cluster/nats_rosters.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::daemon {
namespace {

broker::result<node_bus> open_embedded(const config& how, const broker::clock& time, broker::metrics& all,
                                       broker::supervisor* answers) {
  using mode = cluster::embedded_options::sync_mode;
  cluster::embedded_options options;
  options.data_dir = how.server.data_dir;
  options.sync = how.log.sync == sync_mode::full ? mode::full : mode::normal;
  options.answers = answers;
  auto bus = cluster::open_embedded_bus(options, how.namespaces, time);
  if (!bus)
    return bus.error();
  all.counter_from(
      "hubbub_log_ids_forgotten_total",
      "Ids of events that the log forgot before their dedup_window was over, as it knew too many",
      [ids = options.ids] { return static_cast<double>(ids->forgotten_early.load()); });
  node_bus made;
#ifdef HUBBUB_DEBUG_COMMANDS
  made.events = std::make_unique<breakable_bus>(std::move(*bus));
#else
  made.events = std::move(*bus);
#endif
  return made;
}

} // namespace

cluster::nats_options nats_options_of(const config& how) {
  cluster::nats_options o;
  o.servers = nats_servers(how.nats.url).value_or(std::vector<std::string>{});
  o.credentials = how.nats.credentials;
  o.tls = {how.nats.url.find("tls://") != std::string::npos, how.nats.tls_ca, how.nats.tls_cert,
           how.nats.tls_key};
  o.prefix = how.nats.prefix;
  o.node = how.server.node;
  o.replicas = how.nats.replicas;
  o.payload_bytes = how.limits.payload_bytes;
  o.generation = how.nats.generation;
  o.timeout = how.nats.timeout;
  return o;
}

void show_strange_messages(broker::metrics& all, const char* what, std::function<double()> count) {
  all.counter_from("hubbub_nats_strange_messages_total",
                   "Messages from NATS that were not as they should be, by what was wrong", std::move(count),
                   {{"what", what}});
}

namespace {

void show_numbers(const cluster::nats_bus& bus, broker::metrics& all) {
  const auto count = [&](const char* name, const char* help, std::uint64_t cluster::nats_figures::*which,
                         const broker::metric_labels& labels = {}) {
    all.counter_from(
        name, help, [&bus, which] { return static_cast<double>(bus.figures().*which); }, labels);
  };
  using figures = cluster::nats_figures;
  const auto strange = [&](const char* what, std::uint64_t figures::*which) {
    show_strange_messages(all, what, [&bus, which] { return static_cast<double>(bus.figures().*which); });
  };
  strange("foreign", &figures::foreign);
  strange("not_json", &figures::not_json);
  strange("bad_headers", &figures::bad_headers);
  count("hubbub_nats_missed_total", "Events that NATS did not deliver and that were found in the log",
        &figures::missed);
  count("hubbub_nats_live_lost_total", "Events of live rooms that other nodes sent and that never came",
        &figures::live_lost);
}

void show_numbers(const cluster::nats_rosters& rosters, broker::metrics& all) {
  const auto count = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& from,
                         const broker::metric_labels& labels = {}) {
    all.counter_from(
        name, help, [&from] { return static_cast<double>(from.load(std::memory_order_relaxed)); }, labels);
  };
  const auto& c = rosters.counters();
  constexpr auto strange = "hubbub_presence_strange_messages_total";
  constexpr auto help =
      "Messages of other nodes' presence that were not as they should be, by what was wrong";
  count(strange, help, c.malformed, {{"what", "malformed"}});
  count(strange, help, c.newer, {{"what", "newer"}});
  count(strange, help, c.foreign, {{"what", "foreign"}});
  count("hubbub_presence_missed_total", "Parts of rosters that were told and did not arrive", c.missed);
  count("hubbub_presence_asked_total", "Rooms that other nodes were asked about", c.asked);
  count("hubbub_presence_told_total", "Parts of rosters told to other nodes", c.told);
  count("hubbub_nodes_gone_total", "Other nodes that ended, or were not heard any more", c.gone);
  all.gauge_from("hubbub_nodes", "Nodes that are alive, this one included",
                 [&rosters] { return static_cast<double>(rosters.nodes().size() + 1); });
}

void show_numbers(const cluster::nats_backend& backend, const cluster::nats_rosters& rosters,
                  broker::metrics& all) {
  const auto count = [&](const char* kind, const cluster::backend_counters::outcomes& from) {
    for (std::size_t i = 0; i < cluster::request_outcomes; ++i)
      all.counter_from("hubbub_backend_requests_total", "Requests to backends, by what became of them",
                       [&n = from[i]] { return static_cast<double>(n.load(std::memory_order_relaxed)); },
                       {{"kind", kind}, {"outcome", cluster::request_outcome_names[i]}});
  };
  const auto& c = backend.counters();
  count("publish", c.publishes);
  count("call", c.calls);
  all.gauge_from("hubbub_backend_waiting",
                 "Requests to backends that wait for an answer, or for their client to take it",
                 [&c] { return static_cast<double>(c.places.load(std::memory_order_relaxed)); });
  constexpr auto notices = "hubbub_notices_total";
  constexpr auto help = "Notices to backends, sent and dropped";
  all.counter_from(notices, help,
                   [&backend, &noticed = rosters.counters().noticed] {
                     return static_cast<double>(backend.notices_sent() + noticed.load());
                   },
                   {{"outcome", "sent"}});
  all.counter_from(notices, help, [&backend] { return static_cast<double>(backend.notices_dropped()); },
                   {{"outcome", "dropped"}});
}

void show_numbers(const std::shared_ptr<cluster::link_counters>& links, broker::metrics& all) {
  all.counter_from("hubbub_nats_lame_ducks_total",
                   "Times that the server of a connection to NATS said that it will end soon", [links] {
                     return static_cast<double>(links->lame_ducks.load(std::memory_order_relaxed));
                   });
  all.counter_from("hubbub_nats_moves_total",
                   "Times that a connection went to another server of NATS before its own ended",
                   [links] { return static_cast<double>(links->moves.load(std::memory_order_relaxed)); });
}

} // namespace

broker::result<node_bus> open_bus(const config& how, const broker::clock& time, broker::log_sink& log,
                                  broker::metrics& all, broker::supervisor* answers) {
  if (how.nats.url.empty())
    return open_embedded(how, time, all, answers);
  if (auto fault = check_nats_tls(how.nats))
    return broker::refusal{broker::errc::invalid_data, std::move(fault->sentence)};
  auto options = nats_options_of(how);
  options.answers = answers;
  auto events = cluster::open_nats_bus(options, how.namespaces, time, log);
  if (!events)
    return events.error();
  cluster::roster_options people;
  people.beat = how.nats.beat;
  people.lease = how.nats.lease;
  const auto asked_for = [&how](broker::notice_kind k) {
    return how.nats.notify[static_cast<std::size_t>(k)];
  };
  people.tells_occupied = asked_for(broker::notice_kind::occupied);
  people.tells_vacated = asked_for(broker::notice_kind::vacated);
  auto rosters = cluster::nats_rosters::open(options, people, time, log);
  if (!rosters)
    return rosters.error();
  cluster::backend_options b;
  b.requests = how.limits.backend_requests;
  // Half of what may wait for a client's socket.
  b.answer_bytes = std::min(how.limits.payload_bytes, how.limits.control_bytes / 2);
  b.notices = how.nats.notify;
  b.audit = how.nats.notify_audit;
  auto backend = cluster::nats_backend::open(options, b, how.namespaces, time, log);
  if (!backend)
    return backend.error();
  show_numbers(**events, all);
  show_numbers(**rosters, all);
  show_numbers(**backend, **rosters, all);
  show_numbers(options.links, all);
  auto notices = std::make_unique<cluster::cluster_notices>((*backend)->notices(), **rosters,
                                                            people.tells_occupied || people.tells_vacated);
  auto* audit = &(*backend)->audits();
  return node_bus{std::move(*events), std::move(*rosters), std::move(*backend), std::move(notices), audit,
                  options.links};
}

} // namespace hubbub::daemon
