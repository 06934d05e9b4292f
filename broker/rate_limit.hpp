#pragma once

#include "broker/clock.hpp"

#include <cstdint>

namespace hubbub::broker {

/// A token bucket: `rate` a second, and as many at once after a pause of a second. One thread at a time.
///
/// Instead of a number of tokens it keeps the time at which the bucket will be full again, so that nothing
/// has to be refilled: 16 bytes for each connection.
class rate_limit {
public:
  /// 0: no limit.
  explicit rate_limit(std::uint32_t rate = 0) noexcept
      : rate_{rate}, interval_{rate == 0 ? 0u : static_cast<std::uint32_t>(1'000'000'000u / rate)} {}

  /// Takes a token. False: there is none, and nothing changed.
  [[nodiscard]] bool take(steady_time now) noexcept;
  /// How long until `take` will succeed, in milliseconds, rounded up; 0: now.
  [[nodiscard]] std::uint32_t retry_after_ms(steady_time now) const noexcept;

private:
  /// Nanoseconds that the bucket misses before there is a token.
  [[nodiscard]] std::int64_t missing(steady_time now) const noexcept;

  /// When the bucket is full again.
  steady_time full_at_{};
  std::uint32_t rate_;
  /// Nanoseconds for one token.
  std::uint32_t interval_;
};

static_assert(sizeof(rate_limit) == 16);

} // namespace hubbub::broker
