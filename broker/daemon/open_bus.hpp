#pragma once

#include "broker/audit.hpp"
#include "broker/backend.hpp"
#include "broker/clock.hpp"
#include "broker/daemon/config.hpp"
#include "broker/event_bus.hpp"
#include "broker/log.hpp"
#include "broker/metrics.hpp"
#include "broker/notice.hpp"
#include "broker/roster_bus.hpp"
#include "broker/supervisor.hpp"
#include "cluster/nats_options.hpp"

#include <functional>
#include <memory>

namespace hubbub::daemon {

/// How the configuration says that NATS is reached.
[[nodiscard]] cluster::nats_options nats_options_of(const config& how);
/// A sample of `hubbub_nats_strange_messages_total`.
void show_strange_messages(broker::metrics& all, const char* what, std::function<double()> count);

/// What a node's rooms live on, and whom its clients reach.
struct node_bus {
  std::unique_ptr<broker::event_bus> events;
  /// Null: there are no other nodes.
  std::unique_ptr<broker::roster_bus> rosters;
  /// Null: there is none to reach.
  std::unique_ptr<broker::backend> backend;
  /// Over the two before it; null with them.
  std::unique_ptr<broker::notice_sink> notices;
  /// Of the backend; null with it.
  broker::audit_sink* audit = nullptr;
  /// Of all connections to NATS; null: there are none.
  std::shared_ptr<cluster::link_counters> links;
};

/// The bus that the configuration asks for: embedded, or a cluster's. Waits for the network. A refusal is one
/// sentence that names the file or the server. All that is passed must outlive the bus, and `all` must not be
/// read after it. `answers` for what breaks in the bus's threads.
[[nodiscard]] broker::result<node_bus> open_bus(const config& how, const broker::clock& time,
                                                broker::log_sink& log, broker::metrics& all,
                                                broker::supervisor* answers = nullptr);

} // namespace hubbub::daemon
