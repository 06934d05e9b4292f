#include "broker/json_text.hpp"

#include <simdjson.h>

#include <cstring>

namespace hubbub::broker::protocol {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Takes one or more digits off the front.
bool take_digits(std::string_view& text) noexcept {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n]))
    ++n;
  text.remove_prefix(n);
  return n != 0;
}

/// Takes `-` and the digits before a point off the front.
bool take_whole(std::string_view& text) noexcept {
  if (text.starts_with('-'))
    text.remove_prefix(1);
  if (text.starts_with('0')) {
    text.remove_prefix(1);
    return true;
  }
  return take_digits(text);
}

int hex_digit(char c) noexcept {
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/// The code unit of the `\uXXXX` at the front; -1: there is none.
int code_unit(std::string_view text) noexcept {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u')
    return -1;
  auto value = 0;
  for (auto i = 2u; i < 6; ++i) {
    const auto digit = hex_digit(text[i]);
    if (digit < 0)
      return -1;
    value = value << 4 | digit;
  }
  return value;
}

bool is_high(int unit) noexcept { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low(int unit) noexcept { return unit >= 0xdc00 && unit < 0xe000; }

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      out += static_cast<char>(0xe0 | c >> 12);
    } else {
      out += static_cast<char>(0xf0 | c >> 18);
      out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  }
  out += static_cast<char>(0x80 | (c & 0x3f));
}

constexpr std::string_view short_escapes = "\"\\/bfnrt";
constexpr std::string_view short_meanings = "\"\\/\b\f\n\r\t";

} // namespace

bool is_integer(std::string_view text) noexcept { return take_whole(text) && text.empty(); }

bool is_number(std::string_view text) noexcept {
  if (!take_whole(text))
    return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits(text))
      return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-'))
      text.remove_prefix(1);
    if (!take_digits(text))
      return false;
  }
  return text.empty();
}

bool are_escapes_right(std::string_view inside) noexcept {
  while (!inside.empty()) {
    if (inside[0] != '\\') {
      if (inside[0] == '"')
        return false;
      inside.remove_prefix(1);
      continue;
    }
    if (inside.size() < 2)
      return false;
    if (inside[1] != 'u') {
      if (short_escapes.find(inside[1]) == short_escapes.npos)
        return false;
      inside.remove_prefix(2);
      continue;
    }
    const auto unit = code_unit(inside);
    if (unit < 0 || is_low(unit))
      return false;
    inside.remove_prefix(6);
    if (is_high(unit)) {
      if (!is_low(code_unit(inside)))
        return false;
      inside.remove_prefix(6);
    }
  }
  return true;
}

std::string unescaped(std::string_view inside) {
  std::string text;
  text.reserve(inside.size());
  for (;;) {
    const auto at = inside.find('\\');
    text += inside.substr(0, at);
    if (at == inside.npos)
      return text;
    inside.remove_prefix(at);
    if (inside[1] != 'u') {
      text += short_meanings[short_escapes.find(inside[1])];
      inside.remove_prefix(2);
      continue;
    }
    auto code = static_cast<std::uint32_t>(code_unit(inside));
    inside.remove_prefix(6);
    if (is_high(static_cast<int>(code))) {
      code = 0x10000 + ((code - 0xd800) << 10) + static_cast<std::uint32_t>(code_unit(inside) - 0xdc00);
      inside.remove_prefix(6);
    }
    append_utf8(text, code);
  }
}

bool is_plain(std::string_view text) noexcept {
  // Eight bytes at once: the top bit of a byte is set where it is below 0x20, a quote or a backslash.
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = ones * 0x80;
  const auto suspect = [](std::uint64_t word) {
    const auto quote = word ^ (ones * '"');
    const auto slash = word ^ (ones * '\\');
    return ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
  };
  std::uint64_t word;
  while (text.size() >= sizeof word) {
    std::memcpy(&word, text.data(), sizeof word);
    if (suspect(word) & tops)
      return false;
    text.remove_prefix(sizeof word);
  }
  for (const auto c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\')
      return false;
  return true;
}

std::string without_white_space(std::string_view json) {
  std::string shorter(json.size() + simdjson::SIMDJSON_PADDING, '\0');
  std::size_t size = 0;
  // It fails only where a string does not end, and these were checked.
  if (simdjson::minify(json.data(), json.size(), shorter.data(), size))
    size = 0;
  shorter.resize(size);
  return shorter;
}

} // namespace hubbub::broker::protocol
