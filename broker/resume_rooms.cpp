#include "broker/resume_rooms.hpp"

#include "broker/json_walker.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace hubbub::broker::protocol {
namespace {

/// The members of one room, as they stand there.
struct room_members {
  json_text epoch, offset, presence, info;

  json_text* slot(std::string_view called) noexcept {
    if (called == "epoch")
      return &epoch;
    if (called == "offset")
      return &offset;
    if (called == "presence")
      return &presence;
    return called == "info" ? &info : nullptr;
  }
};

refusal bad_member(std::string_view member, std::string_view what, errc code = errc::bad_command) {
  return {code, std::string{"field `rooms."}.append(member).append("` ").append(what)};
}

std::string text_inside(const json_text& string) {
  return string.escaped ? unescaped(string.inside()) : std::string{string.inside()};
}

refusal not_json() { return {errc::bad_frame, "the message is not JSON"}; }

refusal fill(const room_members& from, const resume_bounds& bounds, resume_room& to) {
  if (!from.epoch.at || from.epoch.kind != json_kind::string)
    return bad_member("epoch", from.epoch.at ? "must be a string" : "is missing");
  to.since.epoch = text_inside(from.epoch);
  if (to.since.epoch.size() > bounds.epoch_bytes)
    return bad_member("epoch", "has more than " + std::to_string(bounds.epoch_bytes) + " bytes");
  if (!from.offset.at)
    return bad_member("offset", "is missing");
  const auto number = from.offset.raw();
  const auto* const end = number.data() + number.size();
  const auto [stopped, code] = std::from_chars(number.data(), end, to.since.offset);
  if (from.offset.kind != json_kind::number || code != std::errc{} || stopped != end)
    return bad_member("offset", "must be an integer from 0 to 18446744073709551615");
  if (from.presence.at) {
    to.presence = from.presence.raw() == "true";
    if (!to.presence && from.presence.raw() != "false")
      return bad_member("presence", "must be true or false");
  }
  if (from.info.at) {
    if (from.info.raw().size() > bounds.info_bytes)
      return bad_member("info", "has more than " + std::to_string(bounds.info_bytes) + " bytes",
                        errc::too_large);
    // As elsewhere: byte for byte, unless a line break stands between its tokens.
    const auto info = from.info.raw();
    to.info = info.find_first_of("\r\n") == info.npos ? std::string{info} : without_white_space(info);
  }
  return {errc::ok};
}

} // namespace

result<std::vector<resume_room>> read_resume_rooms(std::string_view json, const resume_bounds& bounds) {
  std::vector<resume_room> rooms;
  json_walker walker;
  simdjson::ondemand::object all;
  if (!walker.open(json) || walker.doc().get_object().get(all))
    return not_json();
  for (auto one : all) {
    json_walker::field room;
    json_text called;
    if (std::move(one).get(room) || !json_walker::name_of(room, called))
      return not_json();
    auto name = room_name::parse(text_inside(called));
    if (!name)
      return name.error();
    if (!std::string_view{room.value().raw_json_token()}.starts_with('{'))
      return refusal{errc::bad_command, "field `rooms` must hold an object for each room"};
    simdjson::ondemand::object members;
    if (room.value().get_object().get(members))
      return not_json();
    room_members found;
    for (auto member : members) {
      json_walker::field m;
      json_text member_called, where;
      if (std::move(member).get(m) || !json_walker::name_of(m, member_called) ||
          walker.check(m.value(), bounds.depth, where) != flaw::none)
        return not_json();
      const auto text = text_inside(member_called);
      if (auto* slot = found.slot(text)) {
        if (slot->at)
          return bad_member(text, "is there more than once");
        *slot = where;
      }
    }
    auto& to = rooms.emplace_back();
    to.room = std::move(*name);
    if (auto why = fill(found, bounds, to); why.code != errc::ok)
      return why;
  }
  std::vector<const room_name*> names;
  names.reserve(rooms.size());
  for (const auto& r : rooms)
    names.push_back(&r.room);
  std::ranges::sort(names, {}, [](const room_name* n) -> const room_name& { return *n; });
  for (std::size_t i = 1; i < names.size(); ++i)
    if (*names[i] == *names[i - 1])
      return refusal{errc::bad_command, "field `rooms` names a room more than once: " + names[i]->str()};
  return rooms;
}

} // namespace hubbub::broker::protocol
