#pragma once

#include <atomic>
#include <cstdint>

namespace hubbub::broker {

/// The bytes that all tapes of a node may hold together. Any thread.
/// Who grows beyond it gives up its own oldest part: it is never refused, only shortened.
class tape_budget {
public:
  explicit tape_budget(std::uint64_t limit = UINT64_MAX) noexcept : limit_{limit} {}

  void add(std::uint64_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void remove(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] bool exceeded() const noexcept { return used() > limit_; }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }

private:
  std::uint64_t limit_;
  std::atomic<std::uint64_t> used_{0};
};

} // namespace hubbub::broker
