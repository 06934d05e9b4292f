#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

namespace hubbub::broker {

class tape;

/// The bytes that all tapes of a node may hold together. Any thread.
///
/// As it fills, from seven eighths on, the largest tapes give up their oldest parts until there is room
/// again, whoever grows and whichever loops they are written on: nobody is refused, and no small room is
/// shortened for a large one. Each tape keeps its newest segment.
class tape_budget {
public:
  explicit tape_budget(std::uint64_t limit = UINT64_MAX) noexcept
      : limit_{limit}, enough_{limit - limit / 8} {}

  void add(std::uint64_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void remove(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  /// May so much be added before tapes have to be shortened?
  [[nodiscard]] bool has_room(std::uint64_t bytes = 0) const noexcept {
    const auto now = used();
    return now <= enough_ && bytes <= enough_ - now;
  }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  /// What tapes gave up for want of room, since the node started.
  [[nodiscard]] std::uint64_t given_up() const noexcept { return given_up_.load(std::memory_order_relaxed); }

  /// `t` has grown or was shortened: gives it its rank, and makes room. Its writer only, holding no lock.
  void changed(tape& t);
  /// `t` ends.
  void forget(tape& t) noexcept;

  /// What a tape holds, when it can give up some of it: before, and now. 0: it cannot.
  struct rank_change {
    std::size_t was;
    std::size_t now;
  };

private:
  void move(tape& t, rank_change from);

  const std::uint64_t limit_;
  const std::uint64_t enough_;
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> given_up_{0};
  /// Taken before a tape's own; guards what follows.
  std::mutex mutex_;
  std::set<std::pair<std::size_t, tape*>> ranks_;
};

} // namespace hubbub::broker
