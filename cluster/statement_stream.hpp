#pragma once

#include "broker/clock.hpp"
#include "broker/room_name.hpp"

#include <cstdint>
#include <set>

namespace hubbub::cluster {

/// How far a node is with what it has to say to another: at first everything, room by room in the order of
/// their names, then what changed. One message at a time is on its way; it is said again, as things are by
/// then, until it is heard. Does not know what is said of a room. One thread at a time.
class statement_stream {
public:
  using rooms = std::set<broker::room_name>;

  /// Everything is to be said again.
  void restart();
  /// Something is to be said of that room.
  void add(const broker::room_name& room) { dirty_.insert(room); }

  /// Has what is to be said of the room not been heard yet?
  [[nodiscard]] bool owes(const broker::room_name& room) const {
    return dirty_.contains(room) || flight_.contains(room) || (walking_ && (cursor_ < room));
  }
  /// It was heard to the end.
  [[nodiscard]] bool said_all() const noexcept { return said_all_; }
  [[nodiscard]] bool is_idle() const noexcept { return said_all_ && dirty_.empty() && number_ == 0; }

  /// May something be said now? What was on its way for too long is to be said again then. `longest`: it
  /// waits twice as long each time, but no longer.
  [[nodiscard]] bool may_speak(broker::steady_time now, broker::milliseconds pace, broker::milliseconds first,
                               broker::milliseconds longest);
  [[nodiscard]] bool begins() const noexcept { return begins_; }
  /// The next room that is to be said again because it has changed; false: there is none.
  [[nodiscard]] bool take_changed(broker::room_name& room);
  /// Behind which room the walk over all of them goes on; null: it is over.
  [[nodiscard]] const broker::room_name* walks_behind() const noexcept {
    return walking_ ? &cursor_ : nullptr;
  }
  void walked(const broker::room_name& room) { cursor_ = room; }
  void walked_all() { walking_ = false; }
  /// Is everything in this message, or was said before?
  [[nodiscard]] bool is_complete() const noexcept { return !walking_ && dirty_.empty(); }
  /// It is on its way.
  void sent(std::uint64_t number, rooms of, broker::steady_time now);
  /// Of which rooms it was, when it is the one that is on its way.
  [[nodiscard]] bool heard(std::uint64_t number, rooms& of);
  [[nodiscard]] std::uint64_t on_its_way() const noexcept { return number_; }

private:
  void take_back();

  rooms dirty_;
  rooms flight_;
  /// Of the message that is on its way; 0: none is.
  std::uint64_t number_ = 0;
  broker::steady_time sent_at_{};
  broker::milliseconds wait_{0};
  broker::room_name cursor_;
  bool begins_ = true;
  bool began_ = false;
  bool walking_ = true;
  bool said_all_ = false;
  bool says_all_ = false;
};

} // namespace hubbub::cluster
