#include "broker/room_name.hpp"

#include <algorithm>

namespace hubbub::broker {
namespace {

constexpr std::size_t max_namespace = 64;

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_token(char c) noexcept {
  return is_word(c) || c == '=' || c == '@' || c == ',' || c == ';' || c == ':' || c == '/';
}

} // namespace

bool is_namespace_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= max_namespace && std::all_of(text.begin(), text.end(), is_word);
}

result<room_name> room_name::parse(std::string_view text) {
  if (text.empty())
    return refusal{errc::bad_room, "a room's name is empty"};
  if (text.size() > max_size)
    return refusal{errc::bad_room, "a room's name has at most 255 bytes"};
  const auto dot = text.find('.');
  if (dot == text.npos)
    return refusal{errc::bad_room, "a room's name has two or more tokens divided by dots"};
  if (!is_namespace_name(text.substr(0, dot)))
    return refusal{errc::bad_room, "a room's first token has 1 to 64 of the characters A-Z a-z 0-9 _ -"};
  auto previous = '.';
  for (auto c : text) {
    if (c == '.') {
      if (previous == '.')
        return refusal{errc::bad_room, "a room's name has an empty token"};
    } else if (!is_token(c)) {
      return refusal{errc::bad_room, "a room's name has a character that is not one of A-Z a-z 0-9 _=@,;:/-"};
    }
    previous = c;
  }
  if (previous == '.')
    return refusal{errc::bad_room, "a room's name has an empty token"};
  return room_name{text};
}

const std::string& room_name::nothing() noexcept {
  static const std::string none;
  return none;
}

} // namespace hubbub::broker
