#pragma once

#include <cstdint>

namespace hubbub::broker {

/// What a socket holds that is no WebSocket yet.
enum class handshake_place : std::uint8_t {
  none,
  common,
  /// Kept for clients that resume. Which ones do is seen only when their request is there: until then anybody
  /// may wait in one, for a short time; then it needs a ticket, or a common place.
  reserved,
};

/// How many handshakes are under way at one door, and how many may be: a quarter of the places, at least one,
/// is kept for clients that resume. A single place is everybody's. One thread at a time.
class handshake_places {
public:
  /// 0: no bound.
  explicit handshake_places(std::uint32_t bound) noexcept;

  /// Is there one more place of this kind?
  [[nodiscard]] bool free(handshake_place kind) const noexcept;
  void take(handshake_place kind) noexcept;
  void give_back(handshake_place kind) noexcept;

private:
  struct places {
    std::uint32_t all = 0;
    std::uint32_t taken = 0;
  };
  [[nodiscard]] places& of(handshake_place kind) noexcept;

  const bool bounded_;
  places common_;
  places reserved_;
};

} // namespace hubbub::broker
