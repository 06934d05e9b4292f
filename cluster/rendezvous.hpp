#pragma once

#include "broker/roster_part.hpp"

#include <cstdint>
#include <vector>

namespace hubbub::cluster {

/// Which nodes keep what is known of a room. 0: there is none.
struct room_keepers {
  broker::owner_id first = 0;
  broker::owner_id second = 0;
  bool operator==(const room_keepers&) const = default;
};

/// Spreads what differs in few bits over all of them.
[[nodiscard]] constexpr std::uint64_t scattered(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Rendezvous hashing: the two that come first in the room's own order of the nodes. So a node that goes is
/// followed by the second, and nothing changes for the rooms of others. `room`: `key_of` its name.
[[nodiscard]] constexpr room_keepers keepers_of(std::uint64_t room,
                                                const std::vector<broker::owner_id>& nodes) noexcept {
  room_keepers k;
  std::uint64_t best = 0, next = 0;
  for (const auto node : nodes) {
    const auto weight = scattered(room ^ scattered(node));
    if (k.first == 0 || weight > best) {
      k.second = k.first;
      next = best;
      k.first = node;
      best = weight;
    } else if (k.second == 0 || weight > next) {
      k.second = node;
      next = weight;
    }
  }
  return k;
}

} // namespace hubbub::cluster
