#pragma once

#include "broker/clock.hpp"
#include "broker/daemon/config.hpp"
#include "broker/event_bus.hpp"
#include "broker/log.hpp"
#include "broker/metrics.hpp"
#include "broker/roster_bus.hpp"
#include "broker/supervisor.hpp"

#include <memory>

namespace hubbub::daemon {

/// What a node's rooms live on.
struct node_bus {
  std::unique_ptr<broker::event_bus> events;
  /// Null: there are no other nodes.
  std::unique_ptr<broker::roster_bus> rosters;
};

/// The bus that the configuration asks for: embedded, or a cluster's. Waits for the network. A refusal is one
/// sentence that names the file or the server. All that is passed must outlive the bus, and `all` must not be
/// read after it. `answers` for what breaks in the bus's threads.
[[nodiscard]] broker::result<node_bus> open_bus(const config& how, const broker::clock& time,
                                                broker::log_sink& log, broker::metrics& all,
                                                broker::supervisor* answers = nullptr);

} // namespace hubbub::daemon
