#pragma once

#include "broker/push.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace hubbub::broker {

/// A node in one of its lives: a node that starts again is another owner. Never 0.
using owner_id = std::uint64_t;

/// What one node says of its own people in one room.
struct roster_part {
  owner_id owner = 0;
  /// All of them; else what has changed since the part before.
  bool whole = false;
  /// Are they named? Not where there are more than `roster_max`, or only the number counts.
  bool listed = true;
  /// How many they are.
  std::uint32_t count = 0;
  /// Those who came, or look different.
  std::vector<member> put;
  /// The users who went.
  std::vector<std::string> gone;
};

} // namespace hubbub::broker
