#pragma once

#include "broker/clock.hpp"
#include "broker/roster_part.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hubbub::broker {

/// Whoever asks for all of a node's people in a room; means something to the bus only.
using roster_asker = std::string;

/// What a room hears of the people that other nodes have in it. Any thread, also one that is inside another
/// room's call, so do no more than take it in; calls for one room never overlap.
class roster_bus_handler {
public:
  virtual ~roster_bus_handler() = default;

  /// Each part continues the one before of the same owner, or is whole: what was lost on the way the bus asks
  /// for again.
  virtual void on_part(roster_part part) = 0;
  /// That node is gone: all its people with it. Only where it had some.
  virtual void on_owner_gone(owner_id owner) = 0;
  /// Another node asks for all of this node's people; `roster_interest::answer` tells it, also that there are
  /// none.
  virtual void on_asked(roster_asker who) = 0;
  /// Whatever the other nodes had to say at first is there, or they took too long (a quarter of a second).
  /// Once.
  virtual void on_synced() = 0;
};

/// A room's interest in its people on other nodes, and its word to them; ends when destroyed. What it has
/// told is taken back then, unless the room is wanted again within a second, as it is after a crash. Used by
/// the room only.
class roster_interest {
public:
  virtual ~roster_interest() = default;

  /// Tells the other nodes. `owner` is filled in. An interest's first part counts as whole.
  virtual void tell(roster_part own) = 0;
  /// Tells one of them, which has asked; `all` is whole, and as new as the last `tell`.
  virtual void answer(const roster_asker& who, roster_part all) = 0;
};

/// Another node that is alive, as it is known here.
struct other_node {
  /// Empty: it was heard, and has not said it yet.
  std::string name;
  /// Milliseconds since 1970; 0: as `name`.
  std::int64_t started_ms = 0;
  bool draining = false;
  /// How long it has been heard without a pause.
  milliseconds heard_for{0};
};

/// The people of rooms, between nodes, and which nodes there are. Any thread; nothing waits.
class roster_bus {
public:
  virtual ~roster_bus() = default;

  /// At most one interest a room and node. Calls to `handler` that are under way may still end after the
  /// interest was destroyed.
  [[nodiscard]] virtual std::unique_ptr<roster_interest>
  want(const room_name& room, std::shared_ptr<roster_bus_handler> handler) = 0;

  /// The nodes beside this one.
  [[nodiscard]] virtual std::vector<other_node> others() const { return {}; }
  /// False: there may be more than `others` tells of, as this node hears them for a moment only, or not at
  /// all.
  [[nodiscard]] virtual bool knows_others() const { return true; }

  /// This node ends soon, and its people are expected on others: those keep them for the length of a lease
  /// when it has gone.
  virtual void drain() = 0;
};

} // namespace hubbub::broker
