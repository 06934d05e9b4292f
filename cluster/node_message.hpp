#pragma once

#include "broker/event.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::cluster {

/// Events of one live room, as a node tells the others: `LiveEvents` of messages.capnp.
struct live_batch {
  std::string node;
  std::string incarnation;
  /// The number of the first of `events`; the others follow it.
  std::uint64_t first = 0;
  /// Without offsets. Null: one that could not be read.
  std::vector<std::shared_ptr<broker::stored_event>> events;
};

/// More of them are not read, and not written.
inline constexpr std::size_t most_events_in_batch = 4096;

[[nodiscard]] std::string encode_live(const live_batch& b);

/// Reads what anybody may have sent. None: it is no such message, or broken. What is not an event as
/// `broker::event` demands is null. Never throws.
[[nodiscard]] std::optional<live_batch> decode_live(std::string_view bytes,
                                                    const broker::room_name& room) noexcept;

} // namespace hubbub::cluster
