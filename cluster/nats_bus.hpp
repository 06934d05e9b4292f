#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/event_bus.hpp"
#include "broker/log.hpp"
#include "broker/policy.hpp"
#include "cluster/nats_options.hpp"

#include <cstdint>
#include <memory>

namespace hubbub::cluster {

/// What happened to a bus since it was opened, for metrics.
struct nats_figures {
  /// Messages on subjects of ours that were none of ours.
  std::uint64_t foreign = 0;
  /// Events whose payload was no JSON value.
  std::uint64_t not_json = 0;
  /// Headers that were too long or not printable, and passed over.
  std::uint64_t bad_headers = 0;
  /// Events of retained rooms that never came and were found in the log.
  std::uint64_t missed = 0;
  /// Events of live rooms that other nodes sent and that never came.
  std::uint64_t live_lost = 0;
};

/// The bus of a node in a cluster: JetStream keeps the retained rooms, core NATS carries the live ones.
class nats_bus : public broker::event_bus {
public:
  [[nodiscard]] virtual nats_figures figures() const noexcept = 0;
};

/// Connects, and makes the streams of the declared namespaces; waits for the network. What is wrong is a
/// refusal (`unavailable`) with one sentence that names the server or the stream.
/// `time` and `log` must outlive the bus.
[[nodiscard]] broker::result<std::unique_ptr<nats_bus>> open_nats_bus(nats_options options,
                                                                      const broker::namespaces& spaces,
                                                                      const broker::clock& time,
                                                                      broker::log_sink& log);

} // namespace hubbub::cluster
