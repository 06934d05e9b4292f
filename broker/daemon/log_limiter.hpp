#pragma once

#include "broker/clock.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hubbub::daemon {

/// Lets one entry of each key through per minute. Not for several threads at once.
class log_limiter {
public:
  /// May an entry of `key` be written now? Then how many were held back since the last one; else nothing.
  [[nodiscard]] std::optional<std::uint64_t> pass(std::string_view key, broker::steady_time now);

  static constexpr std::chrono::minutes interval{1};
  /// Keys that are remembered. Beyond them the ones whose minute is over go; when there are none, unknown
  /// keys share one.
  static constexpr std::size_t most_keys = 1024;

private:
  struct state {
    broker::steady_time next;
    std::uint64_t held = 0;
  };
  std::map<std::string, state, std::less<>> keys_;
};

} // namespace hubbub::daemon
