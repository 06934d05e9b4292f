#pragma once

#include "broker/event_bus.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

namespace hubbub::daemon {

/// A bus that breaks whoever reads the room `debug.breaks`, within the command that does. For tests; no
/// release has this. As `event_bus`.
class breakable_bus final : public broker::event_bus {
public:
  explicit breakable_bus(std::unique_ptr<broker::event_bus> whole) : whole_{std::move(whole)} {}

  [[nodiscard]] std::unique_ptr<broker::interest>
  want(const broker::room_name& room, std::shared_ptr<broker::event_bus_handler> handler) override {
    return whole_->want(room, std::move(handler));
  }
  void read(broker::read_request what, broker::read_handler done) override {
    if (what.room.str() == "debug.breaks")
      throw std::runtime_error{"asked to by the room's name"};
    whole_->read(std::move(what), std::move(done));
  }
  [[nodiscard]] broker::guarantee promises() const override { return whole_->promises(); }
  [[nodiscard]] broker::refusal health() const override { return whole_->health(); }

private:
  const std::unique_ptr<broker::event_bus> whole_;
};

} // namespace hubbub::daemon
