#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Small things about JSON's text that a library leaves open. Any thread.
namespace hubbub::broker::protocol {

enum class json_kind : std::uint8_t { literal, number, string, object, array };

/// Where a checked value stands in a message. Valid as long as the message's scratch copy.
struct json_text {
  const char* at = nullptr;
  std::uint32_t size = 0;
  json_kind kind = json_kind::literal;
  /// A string with a backslash in it.
  bool escaped = false;

  /// The value as it stands there, without surrounding white space.
  [[nodiscard]] std::string_view raw() const noexcept { return {at, size}; }
  /// A string's inside as it stands there.
  [[nodiscard]] std::string_view inside() const noexcept { return {at + 1, size - 2u}; }
};

/// Is `text` a number by RFC 8259, of any size?
[[nodiscard]] bool is_number(std::string_view text) noexcept;
/// Is `text` a number without fraction and exponent, of any size?
[[nodiscard]] bool is_integer(std::string_view text) noexcept;

/// Are all escapes in a string's `inside` right, and is no quote in it without one? Half a surrogate pair is
/// not: it has no UTF-8, and strict readers would refuse the whole frame that bears it.
[[nodiscard]] bool are_escapes_right(std::string_view inside) noexcept;
/// The text that a string's `inside` means; its escapes must be right.
[[nodiscard]] std::string unescaped(std::string_view inside);

/// Needs nothing of `text` an escape between quotes?
[[nodiscard]] bool is_plain(std::string_view text) noexcept;

/// The same value without white space between its parts, and so without line breaks; `json` must be checked.
[[nodiscard]] std::string without_white_space(std::string_view json);

/// Without trailing white space.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() &&
         (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

} // namespace hubbub::broker::protocol
