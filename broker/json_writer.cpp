#include "broker/json_writer.hpp"

namespace hubbub::broker::protocol {
namespace {

/// What follows the backslash; 0: the character needs none, 'u': its number does.
char escape_of(char c) noexcept {
  switch (c) {
  case '"':
    return '"';
  case '\\':
    return '\\';
  case '\b':
    return 'b';
  case '\f':
    return 'f';
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  default:
    return static_cast<unsigned char>(c) < 0x20 ? 'u' : '\0';
  }
}

} // namespace

std::size_t escaped_size(std::string_view text) noexcept {
  if (is_plain(text))
    return text.size();
  auto size = text.size();
  for (const auto c : text)
    if (const auto escape = escape_of(c))
      size += escape == 'u' ? 5 : 1;
  return size;
}

char* write_escaped(char* to, std::string_view text, std::size_t size) noexcept {
  if (size == text.size()) // nothing to escape
    return to + text.copy(to, size);
  static constexpr char digits[] = "0123456789abcdef";
  for (const auto c : text) {
    const auto escape = escape_of(c);
    if (!escape) {
      *to++ = c;
      continue;
    }
    *to++ = '\\';
    *to++ = escape;
    if (escape == 'u') {
      *to++ = '0';
      *to++ = '0';
      *to++ = digits[c >> 4 & 15];
      *to++ = digits[c & 15];
    }
  }
  return to;
}

json_writer& json_writer::text(std::string_view value) {
  const auto size = escaped_size(value);
  const auto start = out_.size();
  out_.resize(start + size + 2);
  auto* to = out_.data() + start;
  *to++ = '"';
  to = write_escaped(to, value, size);
  *to = '"';
  return *this;
}

} // namespace hubbub::broker::protocol
