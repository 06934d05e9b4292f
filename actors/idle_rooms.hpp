#pragma once

#include "broker/clock.hpp"

#include <caf/actor_control_block.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <utility>

namespace hubbub::actors {

/// Rooms of a loop that nobody reads, in the order in which they are asked whether they may end: nothing
/// looks through all rooms for them. Its loop only.
class idle_rooms {
public:
  /// How long a room stays that nobody uses. Many come back soon; where a backend passes through more rooms
  /// than anybody reads, their memory is worth more.
  [[nodiscard]] std::chrono::milliseconds patience() const noexcept {
    return waiting_.size() <= many ? std::chrono::seconds{5} : std::chrono::milliseconds{500};
  }

  void watch(caf::strong_actor_ptr room, broker::steady_time now) {
    waiting_.push_back({std::move(room), now});
  }
  /// Takes the next one that has been here for long enough; null: there is none.
  [[nodiscard]] caf::strong_actor_ptr take(broker::steady_time now) {
    if (waiting_.empty() || now - waiting_.front().since < patience())
      return nullptr;
    auto room = std::move(waiting_.front().room);
    waiting_.pop_front();
    return room;
  }
  void clear() noexcept { waiting_.clear(); }

private:
  static constexpr std::size_t many = 4096;
  struct row {
    caf::strong_actor_ptr room;
    broker::steady_time since;
  };
  std::deque<row> waiting_;
};

} // namespace hubbub::actors
