#pragma once

#include "actors/room_directory.hpp"
#include "broker/grants.hpp"
#include "broker/policy.hpp"
#include "broker/reader.hpp"
#include "broker/room.hpp"

#include <memory>
#include <string>
#include <utility>

namespace hubbub::actors {

/// A room that a connection has joined: its reader there, and what must be
/// said again when the room is rebuilt. Its loop only.
struct joined_room : broker::reader {
  room_ref room;
  const broker::identity* who = nullptr;
  /// What the client says of itself; null: nothing, as most say.
  std::unique_ptr<const std::string> info;

  void say(std::string text) {
    info = text.empty() ? nullptr : std::make_unique<const std::string>(std::move(text));
  }
  [[nodiscard]] const broker::room_name& name() const noexcept { return feed().room(); }
  [[nodiscard]] static joined_room& of(broker::reader& r) noexcept { return static_cast<joined_room&>(r); }

  [[nodiscard]] broker::adopted_reader as_adopted() const {
    return {to->session, who->user, who->user_info, info ? *info : std::string{}, to->format, wants_presence};
  }
};

} // namespace hubbub::actors
