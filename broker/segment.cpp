#include "broker/segment.hpp"

#include <cstring>
#include <new>

namespace hubbub::broker {

segment::segment(std::size_t capacity, std::uint64_t place, std::uint64_t after)
    : block_{new char[capacity]}, place_{place}, after_{after}, capacity_{capacity} {}

segment::~segment() = default;

std::shared_ptr<segment> segment::make(std::size_t capacity, std::uint64_t place, std::uint64_t after) {
  // The index grows from the back, so the block's end must be aligned for it.
  capacity = (capacity + alignof(index_entry) - 1) / alignof(index_entry) * alignof(index_entry);
  return std::shared_ptr<segment>{new segment{capacity, place, after}};
}

bool segment::append(std::string_view frame, const frame_info& info) noexcept {
  const auto n = count_.load(std::memory_order_relaxed);
  if (used_ + frame.size() + (n + 1) * sizeof(index_entry) > capacity_)
    return false;
  std::memcpy(block_.get() + used_, frame.data(), frame.size());
  used_ += static_cast<std::uint32_t>(frame.size());
  ::new (entry(n)) index_entry{info, used_};
  if (info.excluded)
    has_excluded_.store(true, std::memory_order_relaxed);
  // What a reader sees below `count_` is whole: bytes, index and flag.
  count_.store(n + 1, std::memory_order_release);
  return true;
}

std::uint32_t segment::find_after(std::uint64_t offset, std::uint32_t count) const noexcept {
  std::uint32_t low = 0, high = count;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (info(middle).offset > offset)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

std::uint32_t segment::find_end(std::uint32_t at, std::uint32_t count) const noexcept {
  std::uint32_t low = 0, high = count;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (end(middle) >= at)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

} // namespace hubbub::broker
