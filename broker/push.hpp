#pragma once

#include "broker/disconnect.hpp"
#include "broker/event_bus.hpp"
#include "broker/limits.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the server says that is not an event (docs/protocol.md, "Server to client").
namespace hubbub::broker {

/// One person in a room, as presence shows them.
struct member {
  /// The verified user; for an anonymous client its session.
  std::string user;
  /// From the token; one JSON value or empty.
  std::string user_info;
  /// Claimed by the client; one JSON value or empty.
  std::string info;
  std::uint32_t connections = 0;

  bool operator==(const member&) const = default;
};

struct welcome {
  std::string session;
  std::string node;
  /// Empty: anonymous.
  std::string user;
  std::string ticket;
  std::uint32_t ping_ms = 0;
  limits bounds;
  std::string version;
};

struct joined {
  room_name room;
  stream_position position;
  std::uint64_t head = 0;
  /// Only with `since`.
  std::optional<bool> recovered;
  /// Only when presence was asked for; a count-only room has no members.
  std::optional<std::vector<member>> members;
  std::optional<std::uint32_t> count;
};

/// What became of one room of a session that goes on.
struct resumed_room {
  room_name room;
  stream_position position;
  std::uint64_t head = 0;
  bool recovered = false;
  /// Not `ok`: it is not joined, and only that is told of it.
  errc why = errc::ok;
};

struct gap {
  room_name room;
  std::uint64_t from = 0;
  /// Unknown while nothing follows.
  std::optional<std::uint64_t> to;
};

/// A change of a room's roster, from one version to another.
struct presence_change {
  room_name room;
  std::uint64_t version = 0;
  std::uint32_t count = 0;
  /// True: `join` is the whole roster.
  bool reset = false;
  std::vector<member> join;
  std::vector<member> leave;
  std::vector<member> update;
};

} // namespace hubbub::broker
