#include "broker/json_walker.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace hubbub::broker::protocol {
namespace {

constexpr std::size_t kept_bytes = 1 << 20;

/// Is there no quote and no backslash in `inside`? It has no control characters, simdjson saw to that.
bool is_simple(std::string_view inside) noexcept {
  constexpr std::size_t worth_two_searches = 48;
  return inside.size() < worth_two_searches
             ? is_plain(inside)
             : inside.find('\\') == inside.npos && inside.find('"') == inside.npos;
}

/// `token` begins with a quote and reaches to whatever comes next.
bool take_string(std::string_view token, json_text& where) noexcept {
  token = trimmed(token);
  if (token.size() < 2 || token.back() != '"')
    return false;
  where = {token.data(), static_cast<std::uint32_t>(token.size()), json_kind::string, false};
  where.escaped = !is_simple(where.inside());
  return !where.escaped || are_escapes_right(where.inside());
}

bool take_scalar(std::string_view token, json_text& where) noexcept {
  token = trimmed(token);
  where = {token.data(), static_cast<std::uint32_t>(token.size()), json_kind::literal, false};
  if (token == "true" || token == "false" || token == "null")
    return true;
  where.kind = json_kind::number;
  return is_number(token);
}

} // namespace

bool json_walker::open(std::string_view text, std::string_view before, std::string_view after) {
  const auto size = before.size() + text.size() + after.size();
  if (size > UINT32_MAX / 2)
    return false;
  if (room_ < size + simdjson::SIMDJSON_PADDING) {
    // Powers of two, so that messages a little longer each time do not allocate each time.
    const auto capacity = std::bit_ceil(std::max<std::size_t>(size, 1024));
    text_ = std::make_unique_for_overwrite<char[]>(capacity + simdjson::SIMDJSON_PADDING);
    room_ = capacity + simdjson::SIMDJSON_PADDING;
    if (parser_.allocate(capacity))
      return false;
  }
  auto* to = text_.get();
  for (const auto part : {before, text, after})
    to = std::copy(part.begin(), part.end(), to);
  std::memset(to, 0, simdjson::SIMDJSON_PADDING);
  return parser_.iterate(text_.get(), size, room_).get(doc_) == simdjson::SUCCESS;
}

bool json_walker::name_of(field& member, json_text& where) {
  const auto* const begin = member.key().raw() - 1;
  // A string's end was checked, so there is one.
  const auto* end = begin + 1;
  auto escaped = false;
  for (; *end != '"'; ++end)
    if (*end == '\\') {
      escaped = true;
      ++end;
    }
  where = {begin, static_cast<std::uint32_t>(end + 1 - begin), json_kind::string, escaped};
  return !escaped || are_escapes_right(where.inside());
}

flaw json_walker::check(value v, std::uint32_t depth) {
  json_text where;
  const std::string_view token = v.raw_json_token();
  switch (token.empty() ? '\0' : token.front()) {
  case '{': {
    simdjson::ondemand::object members;
    if (depth == 0)
      return flaw::depth;
    if (v.get_object().get(members))
      return flaw::syntax;
    for (auto one : members) {
      field member;
      if (std::move(one).get(member) || !name_of(member, where))
        return flaw::syntax;
      if (const auto wrong = check(member.value(), depth - 1); wrong != flaw::none)
        return wrong;
    }
    return flaw::none;
  }
  case '[': {
    simdjson::ondemand::array elements;
    if (depth == 0)
      return flaw::depth;
    if (v.get_array().get(elements))
      return flaw::syntax;
    for (auto one : elements) {
      value element;
      if (std::move(one).get(element))
        return flaw::syntax;
      if (const auto wrong = check(element, depth - 1); wrong != flaw::none)
        return wrong;
    }
    return flaw::none;
  }
  case '"':
    // Taken here: skipping it, simdjson would take it for a name when a colon follows.
    return take_string(token, where) && !v.get_raw_json_string().error() ? flaw::none : flaw::syntax;
  default:
    return take_scalar(token, where) ? flaw::none : flaw::syntax;
  }
}

flaw json_walker::check(value v, std::uint32_t depth, json_text& where) {
  const std::string_view token = v.raw_json_token();
  switch (token.empty() ? '\0' : token.front()) {
  case '{':
  case '[': {
    if (const auto wrong = check(v, depth); wrong != flaw::none)
      return wrong;
    const char* next = nullptr;
    if (doc_.current_location().get(next))
      return flaw::syntax; // a value always stands within something
    const auto text = trimmed({token.data(), next});
    where = {text.data(), static_cast<std::uint32_t>(text.size()),
             token.front() == '{' ? json_kind::object : json_kind::array, false};
    return flaw::none;
  }
  case '"':
    return take_string(token, where) && !v.get_raw_json_string().error() ? flaw::none : flaw::syntax;
  default:
    return take_scalar(token, where) ? flaw::none : flaw::syntax;
  }
}

void json_walker::shrink() {
  if (room_ <= kept_bytes)
    return;
  doc_ = {};
  parser_ = simdjson::ondemand::parser{};
  text_.reset();
  room_ = 0;
}

} // namespace hubbub::broker::protocol
