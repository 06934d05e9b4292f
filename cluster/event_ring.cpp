#include "cluster/event_ring.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {

void event_ring::push_back(kept_event e, std::uint32_t most) {
  if (size_ == capacity_)
    resize(static_cast<std::uint32_t>(
        std::max<std::uint64_t>(size_ + 1ull, std::min<std::uint64_t>(size_ * 2ull, most))));
  slots_[place(size_)] = std::move(e);
  ++size_;
}

broker::stored_event_ptr event_ring::pop_front() noexcept {
  auto oldest = std::move(slots_[first_].what);
  first_ = place(1);
  --size_;
  return oldest;
}

void event_ring::shrink() {
  if (size_ == 0) {
    slots_.reset();
    capacity_ = first_ = 0;
  } else if (size_ <= capacity_ / 4)
    resize(size_);
}

template <class Is>
std::uint32_t event_ring::count_while(Is&& is) const noexcept {
  std::uint32_t low = 0;
  auto high = size_;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (is((*this)[middle]))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::uint32_t event_ring::up_to(std::uint64_t offset) const noexcept {
  return count_while([&](const kept_event& e) { return e.what->offset <= offset; });
}

std::uint32_t event_ring::before(std::int64_t at) const noexcept {
  return count_while([&](const kept_event& e) { return e.at < at; });
}

void event_ring::resize(std::uint32_t capacity) {
  auto slots = std::make_unique<kept_event[]>(capacity);
  for (std::uint32_t i = 0; i < size_; ++i)
    slots[i] = std::move(slots_[place(i)]);
  slots_ = std::move(slots);
  capacity_ = capacity;
  first_ = 0;
}

} // namespace hubbub::cluster
