#pragma once

#include "broker/room_name.hpp"
#include "broker/roster_part.hpp"

#include <cstdint>
#include <vector>

namespace hubbub::cluster {

/// What backends were told of a room last.
enum class told_word : std::uint8_t {
  /// Nothing that is known; as `vacated`.
  nothing,
  occupied,
  vacated,
  /// One of them: it is about to be told, or it is not known whether it was.
  unknown,
};

/// What one node says to another of a room.
struct room_statement {
  broker::room_name room;
  /// It has readers there, and who hears it is the room's first keeper.
  bool here = false;
  /// It has none any more, and the first keeper has not said that it knows.
  bool changed = false;
  /// `nothing`: it has nothing to say.
  told_word told = told_word::nothing;
};

/// Statements of one node for another. Each replaces what that node has said of the room before.
struct occupancy_message {
  broker::owner_id owner = 0;
  /// Stands for the nodes that the sender takes for alive: `occupancy::view`.
  std::uint64_t view = 0;
  /// Rises.
  std::uint64_t number = 0;
  /// Which time it is that the sender has found the receiver again after it had lost it; 0: it never had.
  /// What the one has told meanwhile the other cannot know.
  std::uint64_t found_again = 0;
  /// From here on everything is said again.
  bool begin = false;
  /// The sender has heard everything that the others have to say in this view.
  bool settled = false;
  /// Everything was said.
  bool complete = false;
  std::vector<room_statement> rooms;
};

/// The answer; or, with number 0, the wish to hear everything again.
struct occupancy_heard {
  broker::owner_id owner = 0;
  std::uint64_t view = 0;
  std::uint64_t number = 0;
  /// It was of no use: begin again.
  bool again = false;
};

} // namespace hubbub::cluster
