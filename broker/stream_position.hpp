#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace hubbub::broker {

/// A place in a room's log: the offset of the last event had (0: none), in
/// the life of the log that `epoch` names. Offsets rise within a room and are
/// not consecutive; they mean nothing in another epoch.
struct stream_position {
  std::string epoch;
  std::uint64_t offset = 0;

  auto operator<=>(const stream_position&) const = default;
};

} // namespace hubbub::broker
