#pragma once

#include <atomic>
#include <cstdint>

namespace hubbub::broker {

/// The bound of a mailbox: who wants to put something in asks first. Counts
/// requests only; confirmations, leaves and timeouts are bounded by what is
/// outstanding and pass by the side. Any thread.
class mailbox_gate {
public:
  enum class verdict : std::uint8_t { admitted, full, closed };

  explicit mailbox_gate(std::uint32_t capacity) noexcept : capacity_{capacity} {}

  /// Admitted: the caller puts its message in, and `left` is called when it is taken out.
  [[nodiscard]] verdict enter() noexcept {
    auto now = state_.load(std::memory_order_relaxed);
    do {
      if (now & closed_bit)
        return verdict::closed;
      if (now >= capacity_)
        return verdict::full;
    } while (
        !state_.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel, std::memory_order_relaxed));
    return verdict::admitted;
  }
  void left() noexcept { state_.fetch_sub(1, std::memory_order_acq_rel); }

  /// Closes if nothing is inside. From then on nobody is admitted, so nothing can be lost inside.
  [[nodiscard]] bool close_if_empty() noexcept {
    std::uint32_t empty = 0;
    return state_.compare_exchange_strong(empty, closed_bit, std::memory_order_acq_rel);
  }
  /// Closes whatever is inside: its owner died.
  void close() noexcept { state_.fetch_or(closed_bit, std::memory_order_acq_rel); }

  [[nodiscard]] std::uint32_t depth() const noexcept {
    return state_.load(std::memory_order_relaxed) & ~closed_bit;
  }
  [[nodiscard]] bool closed() const noexcept { return state_.load(std::memory_order_acquire) & closed_bit; }

private:
  static constexpr std::uint32_t closed_bit = 1u << 31;
  std::uint32_t capacity_;
  std::atomic<std::uint32_t> state_{0};
};

} // namespace hubbub::broker
