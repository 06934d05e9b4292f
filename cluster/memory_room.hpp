#pragma once

#include "broker/event_bus.hpp"
#include "broker/policy.hpp"
#include "cluster/event_ring.hpp"

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// A namespace in memory: its policy, and the counter that its rooms' offsets come from.
/// Namespaces that were not declared share one.
struct memory_space {
  explicit memory_space(const broker::policy& p) : rules{p} {}

  broker::policy rules;
  alignas(64) std::atomic<std::uint64_t> last_offset{0};
};

/// What must be destroyed once no lock is held.
using leftovers = std::vector<broker::stored_event_ptr>;

/// One room's log in memory. Under its shard's lock. Stays when all its events are gone:
/// the head and what was trimmed are known for ever.
struct memory_room {
  explicit memory_room(memory_space& s) : space{&s} {}

  /// Is an event taken at `at` past its age?
  [[nodiscard]] bool is_over(std::int64_t at, std::int64_t now) const noexcept {
    const auto age = space->rules.history_age.count();
    return age > 0 && at + age <= now;
  }
  /// Takes out what is past its age.
  void expire(std::int64_t now, leftovers& out);
  /// Appends `e`, which was given its offset, and takes out what is too many: at most one.
  [[nodiscard]] broker::stored_event_ptr append(kept_event e);
  /// Nothing that is over may be left. `not_before`: the request's, on the log's clock.
  [[nodiscard]] broker::read_result read(const broker::read_request& what, std::int64_t not_before) const;

  memory_space* space;
  std::uint64_t head = 0;
  /// The newest event that is retained no longer; 0: none was trimmed.
  std::uint64_t trimmed = 0;
  event_ring events;
  /// The interest that may publish: the newest.
  const void* owner = nullptr;
  std::uint32_t interests = 0;
  /// Does the shard know that it has events?
  bool listed = false;
};

} // namespace hubbub::cluster
