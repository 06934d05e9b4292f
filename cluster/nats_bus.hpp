#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/event_bus.hpp"
#include "broker/log.hpp"
#include "broker/policy.hpp"
#include "cluster/nats_options.hpp"

#include <memory>

namespace hubbub::cluster {

/// The bus of a node in a cluster: JetStream keeps the retained rooms, core NATS carries the live ones.
/// Connects, and makes the streams of the declared namespaces; waits for the network. What is wrong is a
/// refusal (`unavailable`) with one sentence that names the server or the stream.
/// `time` and `log` must outlive the bus.
[[nodiscard]] broker::result<std::unique_ptr<broker::event_bus>>
open_nats_bus(nats_options options, const broker::namespaces& spaces, const broker::clock& time,
              broker::log_sink& log);

} // namespace hubbub::cluster
