#include "broker/handshake_places.hpp"

#include <algorithm>

namespace hubbub::broker {
namespace {

std::uint32_t kept_for_resumers(std::uint32_t bound) noexcept {
  return bound < 2 ? 0 : std::max(bound / 4, 1u);
}

} // namespace

handshake_places::handshake_places(std::uint32_t bound) noexcept
    : bounded_{bound != 0},
      common_{.all = bound - kept_for_resumers(bound)},
      reserved_{.all = kept_for_resumers(bound)} {}

handshake_places::places& handshake_places::of(handshake_place kind) noexcept {
  return kind == handshake_place::common ? common_ : reserved_;
}

bool handshake_places::free(handshake_place kind) const noexcept {
  switch (kind) {
  case handshake_place::common:
    return !bounded_ || common_.taken < common_.all;
  case handshake_place::reserved:
    return reserved_.taken < reserved_.all;
  default:
    return false;
  }
}

void handshake_places::take(handshake_place kind) noexcept {
  if (kind != handshake_place::none)
    ++of(kind).taken;
}

void handshake_places::give_back(handshake_place kind) noexcept {
  if (kind != handshake_place::none)
    --of(kind).taken;
}

} // namespace hubbub::broker
