#include "broker/grants.hpp"

#include <algorithm>

namespace hubbub::broker {
namespace {

refusal bad(const char* why) { return {errc::bad_room, why}; }

/// Takes the first token off, with the dot that ends it.
std::string_view take_token(std::string_view& text) noexcept {
  const auto token = text.substr(0, text.find('.'));
  text.remove_prefix(std::min(token.size() + 1, text.size()));
  return token;
}

/// May a token of a room be `token`, at the front or behind?
bool is_token(std::string_view token, bool front) {
  // What can stand in a room says the room's own parser.
  return front ? is_namespace_name(token) : room_name::parse("x." + std::string{token}).has_value();
}

} // namespace

result<room_pattern> room_pattern::parse(std::string_view text) {
  if (text.empty())
    return bad("a room pattern is empty");
  if (text.size() > room_name::max_size)
    return bad("a room pattern has at most 255 bytes");
  if (text.back() == '.')
    return bad("a room pattern has an empty token");
  auto rest = text;
  auto tokens = 0;
  while (!rest.empty()) {
    const auto token = take_token(rest);
    if (token.empty())
      return bad("a room pattern has an empty token");
    if (token == ">" && !rest.empty())
      return bad("in a room pattern `>` is the last token");
    if (token != ">" && token != "*" && !is_token(token, tokens == 0))
      return bad("a room pattern has a token that is no part of a room's name, `*` or `>`");
    tokens += token == ">" ? 2 : 1; // it may stand for many
  }
  if (tokens < 2)
    return bad("a room pattern has two or more tokens, like the rooms it is for, or ends with `>`");
  room_pattern made;
  made.text_ = text;
  return made;
}

bool room_pattern::matches(std::string_view room) const noexcept {
  std::string_view pattern = text_;
  while (!pattern.empty() && !room.empty()) {
    const auto wanted = take_token(pattern);
    if (wanted == ">")
      return true;
    const auto token = take_token(room);
    if (wanted != "*" && wanted != token)
      return false;
  }
  return !text_.empty() && pattern.empty() && room.empty();
}

right grants::on(std::string_view room) const noexcept {
  auto all = right::none;
  for (const auto& [where, what] : rules_)
    if (where.matches(room))
      all = all | what;
  return all;
}

} // namespace hubbub::broker
