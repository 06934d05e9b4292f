#pragma once

#include <cstdint>

namespace hubbub::broker {

/// How far a reader has come: always between two frames. The offset outlives
/// the tape; the place is where that is on the tape, so that reading on needs no look-up.
struct cursor {
  /// The tape's byte at which the next frame begins.
  std::uint64_t place = 0;
  /// The offset of the last event that was sent or passed.
  std::uint64_t offset = 0;

  bool operator==(const cursor&) const = default;
};

} // namespace hubbub::broker
