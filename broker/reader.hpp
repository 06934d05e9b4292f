#pragma once

#include "broker/connection.hpp"
#include "broker/cursor.hpp"
#include "broker/feed.hpp"
#include "broker/session_id.hpp"

#include <cstdint>
#include <limits>
#include <vector>

namespace hubbub::broker {

struct reader;
class audience;

/// One connection, as what its rooms have for it is sent to. Its loop only.
struct recipient {
  connection* wire = nullptr;
  session_id session;
  wire_format format = wire_format::websocket;
  /// How many rooms it reads.
  std::uint32_t rooms = 0;
  /// Those of its readers that have news in this turn.
  std::vector<reader*> with_news;
};

/// A connection in a room: what the walk over the audience does not need. Owned by
/// the connection's actor; stays where it is while it is in an audience. Its loop only.
struct reader {
  recipient* to = nullptr;
  /// Null while it sits nowhere.
  audience* in = nullptr;
  /// Its place in the audience's dense array.
  std::uint32_t index = 0;
  /// It fell off the tape's tail and reads from the log.
  bool pulling = false;
  /// A read for it is under way.
  bool asked = false;
  bool wants_presence = false;
  /// It is in its recipient's `with_news`.
  bool noted = false;
  std::uint64_t presence_version = 0;

  // What makes `dropped` exact in live rooms.
  /// Frames kept from it that its cursor has passed.
  std::uint64_t excluded_passed = 0;
  /// Where it stood when it was overtaken, and what was sent of the conflated events since.
  std::uint64_t overtaken_at = no_offset;
  std::uint64_t conflated_sent = 0;
  static constexpr std::uint64_t no_offset = std::numeric_limits<std::uint64_t>::max();

  /// What it reads; only while it sits in an audience.
  [[nodiscard]] broker::feed& feed() const noexcept;
};

} // namespace hubbub::broker
