#pragma once

#include "broker/clock.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace hubbub::broker {

/// How long what was ready waited at most, in the last second or two, until its loop came to it: the loop's
/// longest turn, for what becomes ready in a turn waits for its end; or the readers of a room that takes
/// several turns to visit. Two stores a turn. The loop's thread, but for `value` and `turns`.
class loop_lag {
public:
  void began(steady_time now) noexcept {
    turn_ = now;
    began_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void ended(steady_time now) noexcept {
    // Never both ended and not counted, for who looks meanwhile: so this first.
    waited(now, now - turn_);
    began_.store(0, std::memory_order_relaxed);
    turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void waited(steady_time now, std::chrono::nanoseconds length) noexcept {
    const auto took = length.count();
    if (now - window_ >= std::chrono::seconds{1}) {
      before_ = now - window_ < std::chrono::seconds{2} ? most_ : 0;
      most_ = 0;
      window_ = now;
      longest_.store(before_, std::memory_order_relaxed);
    }
    if (took > most_) {
      most_ = took;
      longest_.store(std::max(most_, before_), std::memory_order_relaxed);
    }
  }

  /// Counts the turn that is under way, so that a loop that stands still shows it. Any thread.
  [[nodiscard]] std::chrono::nanoseconds value(steady_time now) const noexcept {
    const auto longest = longest_.load(std::memory_order_relaxed);
    const auto began = began_.load(std::memory_order_relaxed);
    const auto here = began == 0 ? 0 : now.time_since_epoch().count() - began;
    return std::chrono::nanoseconds{std::max(longest, here)};
  }
  /// Turns that have ended. Any thread.
  [[nodiscard]] std::uint64_t turns() const noexcept { return turns_.load(std::memory_order_relaxed); }

private:
  using ticks = steady_time::rep;
  steady_time turn_{};
  steady_time window_{};
  ticks most_ = 0;
  ticks before_ = 0;
  std::atomic<ticks> longest_{0};
  std::atomic<ticks> began_{0};
  std::atomic<std::uint64_t> turns_{0};
};

} // namespace hubbub::broker
