#pragma once

#include <cstdint>

namespace hubbub::tests {

/// How many random schedules to try: `n`, or a fifth of them where a sanitizer makes each take ten times as
/// long.
[[nodiscard]] constexpr std::uint32_t seeds(std::uint32_t n) noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return n / 5;
#else
  return n;
#endif
}

} // namespace hubbub::tests
