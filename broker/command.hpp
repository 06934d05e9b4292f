#pragma once

#include "broker/event.hpp"
#include "broker/method_name.hpp"
#include "broker/stream_position.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What a client asks for (docs/protocol.md, "Client to server").
namespace hubbub::broker {

struct auth_command {
  std::string token;
};
struct join_command {
  room_name room;
  std::optional<stream_position> since;
  std::optional<std::uint32_t> history;
  bool presence = false;
  /// One JSON value of at most 1 KB, or empty.
  std::string info;
};
struct leave_command {
  room_name room;
};
struct publish_command {
  /// `from`, `time_ms` and `excluded` are the connection's to set.
  event what;
  bool echo = true;
};
struct history_command {
  room_name room;
  std::uint32_t limit = 0;
  std::optional<std::uint64_t> before;
  std::optional<std::uint64_t> after;
};
struct presence_command {
  room_name room;
  std::uint32_t limit = 0;
  /// The last member's name had, as `members` gave it; empty: from the first.
  std::string after;
};
struct update_command {
  room_name room;
  std::string info;
};
struct call_command {
  method_name method;
  std::string data;
};
/// A room of a session that goes on.
struct resume_room {
  room_name room;
  stream_position since;
  bool presence = false;
  /// One JSON value of at most 1 KB, or empty.
  std::string info;
};
struct resume_command {
  /// Empty: the one that was shown in the handshake.
  std::string ticket;
  std::vector<resume_room> rooms;
};
struct pong_command {};

struct command {
  /// The client's `id` as it stood in the JSON text (`7` or `"a1"`); empty for `pong`.
  std::string id;
  std::variant<pong_command, auth_command, join_command, leave_command, publish_command, history_command,
               presence_command, update_command, call_command, resume_command>
      what;
};

} // namespace hubbub::broker
