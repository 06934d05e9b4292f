#pragma once

#include "broker/event.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace hubbub::cluster {

/// An event in memory, and when the log took it (milliseconds of the log's clock).
struct kept_event {
  broker::stored_event_ptr what;
  std::int64_t at = 0;
};

/// A room's retained events, oldest first. Grows from one slot by doubling and
/// gives the slots back as it empties: most rooms hold next to nothing.
class event_ring {
public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] const kept_event& operator[](std::uint32_t i) const noexcept { return slots_[place(i)]; }
  [[nodiscard]] const kept_event& front() const noexcept { return slots_[first_]; }
  [[nodiscard]] const kept_event& back() const noexcept { return slots_[place(size_ - 1)]; }

  /// `most` is how many it will ever hold: no slot is made beyond that.
  void push_back(kept_event e, std::uint32_t most);
  [[nodiscard]] broker::stored_event_ptr pop_front() noexcept;
  /// Gives back slots when three quarters of them are free.
  void shrink();

  /// How many events have an offset of at most `offset`.
  [[nodiscard]] std::uint32_t up_to(std::uint64_t offset) const noexcept;
  /// How many were taken before `at`.
  [[nodiscard]] std::uint32_t before(std::int64_t at) const noexcept;

private:
  template <class Is>
  [[nodiscard]] std::uint32_t count_while(Is&& is) const noexcept;
  [[nodiscard]] std::uint32_t place(std::uint32_t i) const noexcept {
    const auto at = std::uint64_t{first_} + i;
    return static_cast<std::uint32_t>(at < capacity_ ? at : at - capacity_);
  }
  void resize(std::uint32_t capacity);

  std::unique_ptr<kept_event[]> slots_;
  std::uint32_t capacity_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t size_ = 0;
};

} // namespace hubbub::cluster
