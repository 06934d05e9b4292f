#pragma once

#include "broker/connection.hpp"
#include "broker/session_id.hpp"
#include "broker/stream_position.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace hubbub::broker {

/// Somebody wants to read a room.
struct join_request {
  /// The room's number for the answer.
  std::uint64_t id = 0;
  session_id session;
  std::string user;
  std::string user_info;
  std::string info;
  std::uint32_t loop = 0;
  wire_format format = wire_format::websocket;
  std::optional<stream_position> since;
  std::optional<std::uint32_t> history;
  bool presence = false;
  /// The answer bears no roster: the reader is sent it as a change.
  bool roster_later = false;
  /// May `since` reach back farther than `recover_age`?
  bool whole_history = false;
  /// The room has read its log for it already, as it was ahead of the room.
  bool read_for = false;
};

} // namespace hubbub::broker
