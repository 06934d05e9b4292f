#pragma once

#include "broker/json_text.hpp"

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace hubbub::broker::protocol {

/// The longest a 64-bit integer is in text.
inline constexpr std::size_t max_digits = 20;

/// How many bytes `text` has between quotes, once what JSON demands is escaped.
[[nodiscard]] std::size_t escaped_size(std::string_view text) noexcept;
/// Writes `text` as it stands between quotes; `to` has room for `escaped_size`. Returns the end.
char* write_escaped(char* to, std::string_view text, std::size_t size) noexcept;

template <std::integral Number>
char* write_number(char* to, Number n) noexcept {
  return std::to_chars(to, to + max_digits, n).ptr;
}

/// Appends pieces of JSON to a string. Texts must be valid UTF-8, values valid JSON: they go through unlooked
/// at.
class json_writer {
public:
  explicit json_writer(std::string& out) : out_{out} {}

  /// As it is: punctuation, names, values that are JSON already.
  json_writer& put(std::string_view json) {
    out_.append(json);
    return *this;
  }
  /// A string, with quotes.
  json_writer& text(std::string_view value);
  /// A string, or null where there is none.
  json_writer& text_or_null(std::string_view value) { return value.empty() ? put("null") : text(value); }
  template <std::integral Number>
  json_writer& number(Number value) {
    char digits[max_digits];
    const auto* end = write_number(digits, value);
    return put({digits, end});
  }
  json_writer& boolean(bool value) { return put(value ? "true" : "false"); }

private:
  std::string& out_;
};

} // namespace hubbub::broker::protocol
