#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// A name for a new life of a log: eight letters and digits, 47 random bits.
/// Short, so that `<epoch>-<offset>` is, too.
[[nodiscard]] std::string new_epoch();

/// Eight letters and digits that stand for `text`; the same on every node.
[[nodiscard]] std::string short_name(std::string_view text);

/// The id of an event whose producer gave none: `<epoch>-<offset>`.
[[nodiscard]] std::string default_event_id(const std::string& epoch, std::uint64_t offset);

/// The offset in an id that `default_event_id` made in this epoch; 0: it is no such id.
[[nodiscard]] std::uint64_t offset_in(const std::string& event_id, const std::string& epoch) noexcept;

} // namespace hubbub::cluster
