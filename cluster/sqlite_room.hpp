#pragma once

#include "broker/event_bus.hpp"
#include "broker/policy.hpp"
#include "cluster/call_order.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace hubbub::cluster {

struct sqlite_room;

/// An interest as the log's threads see it: they may hold it longer than the room does.
struct sqlite_subscription {
  sqlite_subscription(const broker::room_name& r, const broker::policy& p,
                      std::shared_ptr<broker::event_bus_handler> h)
      : name{r}, rules{p}, handler{std::move(h)} {}

  /// Calls `f(handler)` when it is its turn, unless the interest has ended.
  template <class F>
  void tell(F f) {
    calls.run([this, f = std::move(f)]() mutable {
      if (!ended.load(std::memory_order_acquire))
        f(*handler);
    });
  }

  const broker::room_name name;
  const broker::policy& rules;
  const std::shared_ptr<broker::event_bus_handler> handler;
  std::atomic<bool> ended{false};
  call_order calls;
  /// The writer's: the room while this is its interest. A newer one takes its place for good.
  sqlite_room* room = nullptr;
  bool replaced = false;
  bool told_unavailable = false;
};

/// A room of interest, as the writer knows it: its row, so that most publishes read nothing. The writer only.
struct sqlite_room {
  std::shared_ptr<sqlite_subscription> wanted_by;
  /// Is what follows the row's? After a failure it is read again.
  bool loaded = false;
  /// Has it changed in this transaction?
  bool touched = false;
  /// 0: it has no row.
  std::int64_t id = 0;
  std::uint64_t head = 0;
  /// The newest event that is retained no longer.
  std::uint64_t trimmed = 0;
  /// How many are in the file, and when the oldest of them came.
  std::uint64_t held = 0;
  std::int64_t oldest = 0;
};

} // namespace hubbub::cluster
