#pragma once

#include "broker/room_name.hpp"
#include "broker/session_id.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace hubbub::broker {

/// How an event's data is written in a frame.
enum class data_encoding : std::uint8_t {
  /// Exactly one JSON value in valid UTF-8, checked when it came in.
  json,
  /// Bytes that are no JSON value, as base64 text (without quotes).
  base64,
};

/// What a producer gives to a room.
struct event {
  room_name room;
  /// At most 128 printable bytes.
  std::string type = "message";
  /// One JSON value, or base64 text: see `encoding`.
  std::string data;
  data_encoding encoding = data_encoding::json;
  /// The producer's, at most 128 printable bytes; the key for de-duplication.
  /// Empty: the log gives `<epoch>-<offset>`.
  std::string event_id;
  /// What `conflate` keeps the newest of; empty: none.
  std::string key;
  /// The verified user; empty: none.
  std::string from;
  /// Milliseconds since 1970, advisory; 0: the log gives its own.
  std::int64_t time_ms = 0;
  /// The session that does not want its own event back (`echo: false`).
  session_id excluded;
  /// A backend publishes it, and no client: ids of the two have nothing to do with each other.
  bool from_backend = false;
};

/// An event that the log has. `event_id` and `time_ms` are set.
struct stored_event : event {
  std::uint64_t offset = 0;
  /// The offset of the event before it in the same room, 0: there was none,
  /// or it is retained no longer. If it is not the room's position, there is a hole.
  std::uint64_t previous = 0;
  /// When the log took it, by the log's own clock, in milliseconds since 1970: its age goes by that and not
  /// by what a producer says. 0: it is `time_ms`.
  std::int64_t kept_ms = 0;

  [[nodiscard]] std::int64_t log_time_ms() const noexcept { return kept_ms != 0 ? kept_ms : time_ms; }
};

/// An upper bound of the bytes of an event's frame: text may grow sixfold when it is escaped, labels have
/// only `"` and `\\` to escape, data is spliced as it is.
[[nodiscard]] inline std::size_t most_frame_bytes(const event& e) noexcept {
  return e.data.size() + e.room.str().size() + 2 * (e.event_id.size() + e.type.size() + e.key.size()) +
         6 * e.from.size() + 256;
}

/// Shared by the log and whoever reads it; never changed.
using stored_event_ptr = std::shared_ptr<const stored_event>;

} // namespace hubbub::broker
