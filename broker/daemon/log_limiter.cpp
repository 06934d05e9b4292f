#include "broker/daemon/log_limiter.hpp"

#include <utility>

namespace hubbub::daemon {

std::optional<std::uint64_t> log_limiter::pass(std::string_view key, broker::steady_time now) {
  auto it = keys_.find(key);
  if (it == keys_.end()) {
    if (keys_.size() >= most_keys)
      std::erase_if(keys_, [now](const auto& k) { return k.second.next <= now; });
    const bool full = keys_.size() >= most_keys;
    it = keys_.try_emplace(full ? std::string{"(others)"} : std::string{key}).first;
  }
  auto& [next, held] = it->second;
  if (now < next) {
    ++held;
    return std::nullopt;
  }
  next = now + interval;
  return std::exchange(held, 0);
}

} // namespace hubbub::daemon
