#pragma once

#include "broker/event_bus.hpp"

#include <memory>
#include <string>

namespace hubbub::cluster {

/// Where a node without others keeps the events of its retained rooms.
/// Any thread; every function returns at once. Interests may outlive the log:
/// it refuses their publishes then.
class log {
public:
  virtual ~log() = default;

  /// As `event_bus::want` and `event_bus::read`, for retained rooms.
  [[nodiscard]] virtual std::unique_ptr<broker::interest>
  want(const broker::room_name& room, std::shared_ptr<broker::event_bus_handler> handler) = 0;
  virtual void read(broker::read_request what, broker::read_handler done) = 0;

  [[nodiscard]] virtual broker::guarantee promises() const = 0;
  [[nodiscard]] virtual broker::refusal health() const = 0;

  /// The log's life. Never changes while it is open.
  [[nodiscard]] virtual const std::string& epoch() const noexcept = 0;
};

} // namespace hubbub::cluster
