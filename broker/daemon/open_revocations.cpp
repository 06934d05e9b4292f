#include "broker/daemon/open_revocations.hpp"

#include "broker/daemon/open_bus.hpp"
#include "cluster/embedded_revocations.hpp"
#include "cluster/nats_revocations.hpp"

#include <utility>

namespace hubbub::daemon {

broker::result<node_control> open_revocations(const config& how, broker::revoked_list& list,
                                              const broker::clock& time, broker::log_sink& log,
                                              broker::metrics& all, broker::supervisor* answers,
                                              std::shared_ptr<cluster::link_counters> links) {
  if (how.nats.url.empty()) {
    auto kept = cluster::open_embedded_revocations(how.server.data_dir, list, time, answers);
    if (!kept)
      return kept.error();
    return node_control{std::move(*kept), nullptr};
  }
  auto options = nats_options_of(how);
  options.answers = answers;
  options.links = std::move(links);
  auto made = cluster::open_nats_revocations(options, list, time, log);
  if (!made)
    return made.error();
  auto* orders = made->get();
  show_strange_messages(all, "order", [orders] { return static_cast<double>(orders->not_understood()); });
  all.counter_from("hubbub_orders_refused_total", "Orders over NATS that were understood and not carried out",
                   [orders] { return static_cast<double>(orders->refused()); });
  return node_control{std::move(*made), orders};
}

} // namespace hubbub::daemon
