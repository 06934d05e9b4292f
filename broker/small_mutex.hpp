#pragma once

#include <atomic>
#include <cstdint>

namespace hubbub::broker {

/// A mutex of 4 bytes, where `std::mutex` has 40: for what a node has many thousands of. For
/// `std::lock_guard`; whoever holds it must be brief. Any thread.
class small_mutex {
public:
  small_mutex() noexcept = default;
  small_mutex(const small_mutex&) = delete;
  small_mutex& operator=(const small_mutex&) = delete;

  void lock() noexcept {
    auto was = state::open;
    if (state_.compare_exchange_strong(was, state::held, std::memory_order_acquire,
                                       std::memory_order_relaxed))
      return;
    // Whoever has waited cannot know that nobody else does.
    while (state_.exchange(state::awaited, std::memory_order_acquire) != state::open)
      state_.wait(state::awaited, std::memory_order_relaxed);
  }
  void unlock() noexcept {
    if (state_.exchange(state::open, std::memory_order_release) == state::awaited)
      state_.notify_one();
  }

private:
  enum class state : std::uint32_t { open, held, awaited };
  std::atomic<state> state_{state::open};
};

} // namespace hubbub::broker
