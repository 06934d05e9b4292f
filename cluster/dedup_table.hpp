#pragma once

#include "broker/event.hpp"
#include "cluster/siphash.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

namespace hubbub::cluster {

/// What a log remembers an event by: (room, from, event_id).
[[nodiscard]] digest identity(const siphash_key& key, const broker::event& e);

/// The events that a retry would repeat, each for its namespace's window.
/// Bounded: beyond `capacity` the oldest are forgotten early. Takes its time
/// from the caller, in milliseconds of one and the same clock. One thread at a time.
class dedup_table {
public:
  explicit dedup_table(std::size_t capacity) : capacity_{capacity} {}

  /// The offset under which `id` was kept within its window; 0: it is new.
  [[nodiscard]] std::uint64_t find(const digest& id, std::int64_t now) const noexcept;
  void add(const digest& id, std::uint64_t offset, std::int64_t expires);
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
  std::size_t capacity_;
  std::unordered_map<digest, first_seen> known_;
  // In the order in which they came. Windows differ by namespace, so what is
  // over may stand behind what is not: it is freed later, `find` looks at the time.
  std::deque<in_turn> order_;
};

} // namespace hubbub::cluster
