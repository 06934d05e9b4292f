#pragma once

#include "broker/room_name.hpp"
#include "broker/roster_part.hpp"
#include "cluster/occupancy_message.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What nodes say to each other of themselves and of their people, as values and as bytes
/// (`presence.capnp`). Any thread.
namespace hubbub::cluster {

/// Stands for a room where its name would be too long; the same on all nodes. Two rooms may share one: it
/// serves to notice that something is missing, not to say what.
using room_key = std::uint64_t;
[[nodiscard]] room_key key_of(const broker::room_name& room) noexcept;

/// The newest part that a node has told of a room.
struct told_room {
  room_key room = 0;
  std::uint64_t number = 0;
  bool operator==(const told_room&) const = default;
};

struct beat_message {
  std::string node;
  broker::owner_id owner = 0;
  /// Milliseconds since 1970.
  std::int64_t started_ms = 0;
  std::uint64_t sequence = 0;
  bool draining = false;
  std::vector<told_room> told;
  bool keeps_occupancy = false;
};

struct farewell_message {
  broker::owner_id owner = 0;
};

/// A part, or a piece of one. `part.owner` has told it.
struct part_message {
  broker::room_name room;
  std::uint64_t number = 0;
  std::uint32_t piece = 0;
  bool last = true;
  broker::roster_part part;
};

struct asked_room {
  broker::room_name room;
  std::uint64_t have = 0;
};

struct ask_message {
  broker::owner_id asker = 0;
  bool numbers_only = false;
  std::vector<asked_room> rooms;
};

struct told_message {
  broker::owner_id owner = 0;
  std::vector<told_room> rooms;
};

using presence_message = std::variant<beat_message, farewell_message, part_message, ask_message, told_message,
                                      occupancy_message, occupancy_heard>;

[[nodiscard]] std::string write_presence(const beat_message& m);
[[nodiscard]] std::string write_presence(const farewell_message& m);
[[nodiscard]] std::string write_presence(const part_message& m);
[[nodiscard]] std::string write_presence(const ask_message& m);
[[nodiscard]] std::string write_presence(const told_message& m);
[[nodiscard]] std::string write_presence(const occupancy_message& m);
[[nodiscard]] std::string write_presence(const occupancy_heard& m);

/// Why there is no message.
enum class presence_flaw : std::uint8_t {
  /// It is none, or says what cannot be.
  malformed,
  /// A newer node wrote it for its like.
  newer,
};

/// Never throws, whatever the bytes are: what comes out may be spliced into clients' frames.
[[nodiscard]] std::variant<presence_message, presence_flaw> read_presence(std::string_view bytes);

/// Longer texts are no user's name, and no node's; a longer `info` is none.
inline constexpr std::size_t most_name_bytes = 1'024;
inline constexpr std::size_t most_info_bytes = 65'536;
/// Longer lists are refused.
inline constexpr std::size_t most_members = 65'536;
inline constexpr std::size_t most_asked_rooms = 4'096;
inline constexpr std::size_t most_told_rooms = 65'536;
inline constexpr std::size_t most_stated_rooms = 16'384;

} // namespace hubbub::cluster
