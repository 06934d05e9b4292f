#include "broker/rate_limit.hpp"

#include <algorithm>

namespace hubbub::broker {

using std::chrono::nanoseconds;

std::int64_t rate_limit::missing(steady_time now) const noexcept {
  if (interval_ == 0)
    return 0;
  // Full, the bucket holds `rate` tokens; with one left it is `rate - 1` intervals from full.
  const auto allowed = std::int64_t{rate_ - 1} * interval_;
  const auto to_full = std::chrono::duration_cast<nanoseconds>(full_at_ - now).count();
  return std::max<std::int64_t>(0, to_full - allowed);
}

bool rate_limit::take(steady_time now) noexcept {
  if (missing(now) > 0)
    return false;
  full_at_ = std::max(full_at_, now) + nanoseconds{interval_};
  return true;
}

std::uint32_t rate_limit::retry_after_ms(steady_time now) const noexcept {
  return static_cast<std::uint32_t>((missing(now) + 999'999) / 1'000'000);
}

} // namespace hubbub::broker
