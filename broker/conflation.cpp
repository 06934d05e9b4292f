#include "broker/conflation.hpp"

namespace hubbub::broker {

std::int64_t conflation::add(std::string_view key, conflated newest) {
  const auto before = static_cast<std::int64_t>(bytes_);
  if (auto it = by_key_.find(key); it != by_key_.end()) {
    auto old = by_offset_.extract(it->second);
    bytes_ -= old.mapped().newest.frame.size();
    it->second = newest.offset;
    old.key() = newest.offset;
    bytes_ += newest.frame.size();
    old.mapped().newest = std::move(newest);
    by_offset_.insert(std::move(old));
  } else {
    const auto size = newest.frame.size() + 2 * key.size();
    const auto offset = newest.offset;
    // Where there is no memory for both, neither is there.
    std::map<std::uint64_t, row> one;
    one.emplace(offset, row{std::string{key}, std::move(newest)});
    by_key_.emplace(key, offset);
    by_offset_.merge(one);
    bytes_ += size;
    if (by_key_.size() > keys_)
      drop_oldest();
  }
  return static_cast<std::int64_t>(bytes_) - before;
}

std::size_t conflation::drop_oldest() {
  const auto oldest = by_offset_.begin();
  const auto size = oldest->second.newest.frame.size() + 2 * oldest->second.key.size();
  bytes_ -= size;
  by_key_.erase(oldest->second.key);
  by_offset_.erase(oldest);
  return size;
}

std::vector<conflated> conflation::after(std::uint64_t offset) const {
  std::vector<conflated> found;
  for (auto it = by_offset_.upper_bound(offset); it != by_offset_.end(); ++it)
    found.push_back(it->second.newest);
  return found;
}

} // namespace hubbub::broker
