#pragma once

#include "broker/event.hpp"
#include "cluster/nats_link.hpp"
#include "cluster/nats_message.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// An event as a message of a stream: the payload as it is, the rest in headers, so that any NATS client can
/// read it and write it.

/// What a node writes beside the payload. `e` has an id. With `dedup`, JetStream recognises it when it comes
/// again: by a hash of room, user and id, so that nobody can take another's id first.
[[nodiscard]] nats_link::headers headers_of(const broker::event& e, bool dedup);

/// Text as a header's value bears it: control characters, `%` and blanks at its ends as `%XX`.
[[nodiscard]] std::string header_text(std::string_view text);
/// Is `text` valid UTF-8?
[[nodiscard]] bool is_utf8(std::string_view text);

/// Where a message stands in its stream.
struct log_place {
  std::uint64_t offset = 0;
  /// As `stored_event::previous`.
  std::uint64_t previous = 0;
  /// The log's time in milliseconds since 1970; 0: not known.
  std::int64_t time_ms = 0;
};

/// What was not as it should be in a message that anybody may have written.
struct event_flaws {
  /// The payload is no JSON value: it goes to clients as base64.
  bool not_json = false;
  /// A header was passed over: too long, or not printable.
  bool headers = false;
};

/// Never fails: whatever it is, it has a place in the log, and so it is an event.
[[nodiscard]] std::shared_ptr<broker::stored_event> event_of(const broker::room_name& room,
                                                             const header_lines& headers,
                                                             std::string_view data, const log_place& at,
                                                             const std::string& epoch, event_flaws& flaws);

/// 8 bytes by which the same message is known again, as its stream keeps it and as it republishes it: of the
/// producer's id and the payload as it is, and of nothing that a server adds. Never 0.
[[nodiscard]] std::uint64_t fingerprint_of(const header_lines& headers, std::string_view data) noexcept;

/// The place that a stream names as it republishes a message. Offset 0: it names none.
[[nodiscard]] log_place place_of_republished(const header_lines& headers) noexcept;
/// The place that a consumer names in the reply of what it delivers. Offset 0: it names none.
[[nodiscard]] log_place place_of_delivered(std::string_view reply) noexcept;

} // namespace hubbub::cluster
