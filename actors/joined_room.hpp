#pragma once

#include "actors/room_directory.hpp"
#include "broker/grants.hpp"
#include "broker/policy.hpp"
#include "broker/reader.hpp"
#include "broker/room.hpp"

#include <string>

namespace hubbub::actors {

/// A room that a connection has joined: its reader there, and what must be
/// said again when the room is rebuilt. Its loop only.
struct joined_room : broker::reader {
  room_ref room;
  const broker::identity* who = nullptr;
  std::string info;

  [[nodiscard]] const broker::room_name& name() const noexcept { return feed().room(); }
  [[nodiscard]] static joined_room& of(broker::reader& r) noexcept { return static_cast<joined_room&>(r); }

  [[nodiscard]] broker::adopted_reader as_adopted() const {
    return {to->session, who->user, who->user_info, info, to->format, wants_presence};
  }
};

} // namespace hubbub::actors
