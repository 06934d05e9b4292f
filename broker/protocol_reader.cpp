#include "broker/protocol_reader.hpp"

#include <optional>

namespace hubbub::broker::protocol {
namespace {

/// The field of a command that is named so.
std::optional<field> member_named(std::string_view text) noexcept {
  const auto is = [text](field f) { return text == name(f) ? std::optional{f} : std::nullopt; };
  const auto either = [&](field f, field g) { return text == name(f) ? std::optional{f} : is(g); };
  // By length, so that a name is compared with few others.
  switch (text.size()) {
  case 2:
    return either(field::op, field::id);
  case 3:
    return is(field::key);
  case 4:
    switch (text.front()) {
    case 'r':
      return is(field::room);
    case 't':
      return is(field::type);
    case 'd':
      return is(field::data);
    case 'e':
      return is(field::echo);
    default:
      return is(field::info);
    }
  case 5:
    switch (text.front()) {
    case 't':
      return is(field::token);
    case 'r':
      return is(field::rooms);
    case 's':
      return is(field::since);
    case 'l':
      return is(field::limit);
    default:
      return is(field::after);
    }
  case 6:
    return text.front() == 't' ? is(field::ticket) : either(field::before, field::method);
  case 7:
    return is(field::history);
  case 8:
    return either(field::event_id, field::presence);
  default:
    return std::nullopt;
  }
}

std::optional<field> member_of_since(std::string_view text) noexcept {
  if (text == "epoch")
    return field::epoch;
  if (text == "offset")
    return field::offset;
  return std::nullopt;
}

/// `find`, also for a name that was written with escapes.
template <class Find>
std::optional<field> find_field(const json_text& name, Find find) {
  return name.escaped ? find(unescaped(name.inside())) : find(name.inside());
}

/// Notes that `f` is there. False: once more.
bool note(envelope& in, field f) noexcept {
  const auto bit = 1u << static_cast<unsigned>(f);
  if (in.present & bit) {
    in.twice |= bit;
    return false;
  }
  in.present |= bit;
  return true;
}

} // namespace

std::string_view name(field f) noexcept {
  constexpr std::string_view names[] = {
      "op",   "id",    "room",   "type",        "data",         "key",     "event_id",
      "echo", "token", "since",  "since.epoch", "since.offset", "history", "presence",
      "info", "limit", "before", "after",       "method",       "ticket",  "rooms"};
  static_assert(std::size(names) == fields);
  return names[static_cast<std::size_t>(f)];
}

flaw message_reader::read_since(json_walker::value& v, envelope& to) {
  object members;
  if (v.get_object().get(members))
    return flaw::syntax;
  for (auto one : members) {
    json_walker::field member;
    json_text called, where;
    if (std::move(one).get(member) || !json_walker::name_of(member, called))
      return flaw::syntax;
    if (const auto wrong = walker_.check(member.value(), bounds_.depth, where); wrong != flaw::none)
      return wrong;
    if (const auto f = find_field(called, member_of_since); f && note(to, *f))
      to.at[static_cast<std::size_t>(*f)] = where;
  }
  return flaw::none;
}

flaw message_reader::read_members(object& members, envelope& to) {
  to.is_object = true;
  for (auto one : members) {
    json_walker::field member;
    json_text called, where;
    if (std::move(one).get(member) || !json_walker::name_of(member, called))
      return flaw::syntax;
    const auto f = find_field(called, member_named);
    const auto first = f && note(to, *f);
    auto& value = member.value();
    if (first && f == field::since && std::string_view{value.raw_json_token()}.starts_with('{')) {
      where.kind = json_kind::object;
      if (const auto wrong = read_since(value, to); wrong != flaw::none)
        return wrong;
    } else if (const auto wrong = walker_.check(value, bounds_.depth, where); wrong != flaw::none) {
      return wrong;
    }
    if (first)
      to.at[static_cast<std::size_t>(*f)] = where;
  }
  return flaw::none;
}

flaw message_reader::read_element(json_walker::value v) {
  auto& to = envelopes_.emplace_back();
  if (std::string_view{v.raw_json_token()}.starts_with('{')) {
    object members;
    return v.get_object().get(members) ? flaw::syntax : read_members(members, to);
  }
  json_text ignored;
  return walker_.check(v, bounds_.depth, ignored);
}

refusal message_reader::read(std::string_view message) {
  envelopes_.clear();
  walker_.shrink();
  const auto no_json = [] { return refusal{errc::bad_frame, "the message is not JSON"}; };
  const auto begin = message.find_first_not_of(" \t\r\n");
  if (begin == message.npos)
    return {errc::bad_frame, "the message is empty"};
  auto wrong = flaw::none;
  if (message[begin] == '{') {
    object members;
    if (!walker_.open(message) || walker_.doc().get_object().get(members))
      return no_json();
    wrong = read_members(members, envelopes_.emplace_back());
  } else if (message[begin] == '[') {
    simdjson::ondemand::array elements;
    if (!walker_.open(message) || walker_.doc().get_array().get(elements))
      return no_json();
    for (auto one : elements) {
      json_walker::value element;
      if (std::move(one).get(element))
        return no_json();
      if (envelopes_.size() == bounds_.batch)
        return {errc::too_large, "a batch has at most " + std::to_string(bounds_.batch) + " commands"};
      if (wrong = read_element(element); wrong != flaw::none)
        break;
    }
    if (wrong == flaw::none && envelopes_.empty())
      return walker_.at_end() ? refusal{errc::bad_frame, "the batch is empty"} : no_json();
  } else {
    return {errc::bad_frame, "the message is not a JSON object or an array of them"};
  }
  if (wrong == flaw::depth)
    return {errc::bad_frame, "the message is nested deeper than " + std::to_string(bounds_.depth)};
  if (wrong == flaw::syntax || !walker_.at_end())
    return no_json();
  return {errc::ok};
}

} // namespace hubbub::broker::protocol
