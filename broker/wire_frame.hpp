#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// RFC 6455 frames as a server sends them: unmasked, never fragmented.
namespace hubbub::broker {

/// 2, 4 or 10 bytes.
[[nodiscard]] constexpr std::size_t frame_header_size(std::size_t payload) noexcept {
  return payload < 126 ? 2 : payload < 65'536 ? 4 : 10;
}

/// Appends the header of a text frame; `compressed` sets RSV1 (RFC 7692 section 6).
void append_frame_header(std::string& out, std::size_t payload, bool compressed = false);

/// Appends a whole text frame.
void append_text_frame(std::string& out, std::string_view payload);

/// Appends a close frame; of `reason` at most 123 bytes, cut between characters.
void append_close_frame(std::string& out, std::uint16_t code, std::string_view reason);

} // namespace hubbub::broker
