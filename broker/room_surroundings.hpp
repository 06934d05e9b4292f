#pragma once

#include "broker/clock.hpp"
#include "broker/tape_budget.hpp"

#include <atomic>
#include <cstdint>

namespace hubbub::broker {

/// What all rooms of a node share.
struct room_surroundings {
  std::uint32_t loops = 1;
  tape_budget& budget;
  const clock& time;
  /// Random for each start of a node: two nodes' rooms may have the same generation.
  std::uint64_t salt = 0;
  /// Who leaves lingers so many milliseconds at least; it only rises. Null: as the policy says.
  const std::atomic<std::int64_t>* least_linger_ms = nullptr;
};

} // namespace hubbub::broker
