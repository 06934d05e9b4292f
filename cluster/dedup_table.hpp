#pragma once

#include "broker/event.hpp"
#include "cluster/dedup_bound.hpp"
#include "cluster/siphash.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>

namespace hubbub::cluster {

/// What a log remembers an event by: (room, from, event_id).
[[nodiscard]] digest identity(const siphash_key& key, const broker::event& e);

/// The events that a retry would repeat, each for its namespace's window.
/// Bounded: beyond what all tables of `bound` may hold the oldest of this one are forgotten early. Takes its
/// time from the caller, in milliseconds of one and the same clock. One thread at a time.
class dedup_table {
public:
  explicit dedup_table(std::shared_ptr<dedup_bound> bound) : bound_{std::move(bound)} {}

  /// The offset under which `id` was kept within its window; 0: it is new.
  [[nodiscard]] std::uint64_t find(const digest& id, std::int64_t now) const noexcept;
  void add(const digest& id, std::uint64_t offset, std::int64_t expires, std::int64_t now);
  /// Takes back what `add` did.
  void remove(const digest& id) noexcept { known_.erase(id); }
  /// Forgets what is over: at most `budget` of them.
  void sweep(std::int64_t now, std::size_t budget);

  [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }

private:
  void forget_oldest() noexcept;

  struct first_seen {
    std::uint64_t offset;
    std::int64_t expires;
  };
  struct in_turn {
    digest id;
    std::int64_t expires;
  };
  std::shared_ptr<dedup_bound> bound_;
  std::unordered_map<digest, first_seen> known_;
  // In the order in which they came. Windows differ by namespace, so what is
  // over may stand behind what is not: it is freed later, `find` looks at the time.
  std::deque<in_turn> order_;
};

} // namespace hubbub::cluster
