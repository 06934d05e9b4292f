#include "broker/protocol_understand.hpp"

#include "broker/command_fields.hpp"
#include "broker/resume_rooms.hpp"

#include <bit>

namespace hubbub::broker::protocol {
namespace {

constexpr std::size_t max_id = 64;
constexpr std::size_t max_info = 1024;
constexpr std::size_t max_epoch = 128;

bool take(command_fields& from, auth_command& to, const parse_limits&) {
  return from.take_string(field::token, to.token);
}

bool take(command_fields& from, join_command& to, const parse_limits&) {
  if (!from.take_room(to.room))
    return false;
  if (from.has(field::since)) {
    auto& since = to.since.emplace();
    if (!from.is_object(field::since) || !from.take_string(field::epoch, since.epoch) ||
        !from.take_integer(field::offset, 0, since.offset))
      return false;
    if (since.epoch.size() > max_epoch)
      return from.refuse(field::epoch, "has more than 128 bytes");
  }
  return (!from.has(field::history) || from.take_integer(field::history, 0, to.history.emplace())) &&
         (!from.has(field::presence) || from.take_flag(field::presence, to.presence)) &&
         (!from.has(field::info) || from.take_value(field::info, max_info, to.info));
}

bool take(command_fields& from, leave_command& to, const parse_limits&) { return from.take_room(to.room); }

bool take_event(command_fields& from, event& to, const parse_limits& bounds) {
  return from.take_room(to.room) && from.take_label(field::type, to.type) &&
         from.take_value(field::data, bounds.payload_bytes, to.data) &&
         (!from.has(field::key) || from.take_label(field::key, to.key)) &&
         (!from.has(field::event_id) || from.take_label(field::event_id, to.event_id));
}

bool take(command_fields& from, publish_command& to, const parse_limits& bounds) {
  return take_event(from, to.what, bounds) &&
         (!from.has(field::echo) || from.take_flag(field::echo, to.echo));
}

bool take(command_fields& from, history_command& to, const parse_limits&) {
  if (!from.take_room(to.room) || !from.take_integer(field::limit, 1, to.limit))
    return false;
  if (from.has(field::before) && from.has(field::after))
    return from.refuse(field::before, "excludes `after`");
  return (!from.has(field::before) || from.take_integer(field::before, 0, to.before.emplace())) &&
         (!from.has(field::after) || from.take_integer(field::after, 0, to.after.emplace()));
}

bool take(command_fields& from, presence_command& to, const parse_limits&) {
  return from.take_room(to.room) &&
         (!from.has(field::limit) || from.take_integer(field::limit, 1, to.limit)) &&
         (!from.has(field::after) || from.take_string(field::after, to.after));
}

bool take(command_fields& from, update_command& to, const parse_limits&) {
  return from.take_room(to.room) && from.take_value(field::info, max_info, to.info);
}

bool take(command_fields& from, call_command& to, const parse_limits& bounds) {
  std::string text;
  if (!from.take_string(field::method, text))
    return false;
  auto method = method_name::parse(text);
  if (!method)
    return from.refuse(field::method, "must have a room's grammar and at most 128 bytes");
  to.method = std::move(*method);
  return from.take_value(field::data, bounds.payload_bytes, to.data);
}

bool take(command_fields& from, resume_command& to, const parse_limits& bounds) {
  if (from.has(field::ticket) && !from.take_string(field::ticket, to.ticket))
    return false;
  if (!from.is_object(field::rooms))
    return false;
  auto rooms = read_resume_rooms(from.raw(field::rooms), {max_epoch, max_info, bounds.depth});
  if (!rooms)
    return from.refuse(std::move(rooms.error()));
  to.rooms = std::move(*rooms);
  return true;
}

using taker = bool (*)(command_fields&, command&, const parse_limits&);

template <class Command>
bool take_as(command_fields& from, command& to, const parse_limits& bounds) {
  return take(from, to.what.emplace<Command>(), bounds);
}

/// What takes the commands of that name; null: there are none.
taker taker_of(std::string_view op) noexcept {
  static constexpr struct {
    std::string_view op;
    taker take;
  } known[] = {
      {"publish", take_as<publish_command>},   {"join", take_as<join_command>},
      {"leave", take_as<leave_command>},       {"history", take_as<history_command>},
      {"presence", take_as<presence_command>}, {"update", take_as<update_command>},
      {"auth", take_as<auth_command>},         {"call", take_as<call_command>},
      {"resume", take_as<resume_command>},
  };
  for (const auto& one : known)
    if (one.op == op)
      return one.take;
  return nullptr;
}

bool is_id(const json_text& t) {
  if (t.kind == json_kind::number)
    return t.size <= max_id && is_integer(t.raw());
  return t.kind == json_kind::string && (t.escaped ? unescaped(t.inside()) : t.inside()).size() <= max_id;
}

refusal unknown(std::string_view op) {
  // A short name is repeated, so that a typing error is seen at once.
  if (is_label(op) && op.size() <= 32)
    return {errc::bad_command, std::string{"op `"}.append(op).append("` is unknown")};
  return {errc::bad_command, "field `op` names no command"};
}

/// False: a member stands there more than once, and `fields` says which.
bool are_single(const envelope& from, command_fields& fields) {
  return !from.twice ||
         fields.refuse(static_cast<field>(std::countr_zero(from.twice)), "is there more than once");
}

/// Fills `to`, or says what is wrong. `to.id` is set in both cases if there is one to read.
refusal read_command(const envelope& from, const parse_limits& bounds, command& to) {
  if (!from.is_object)
    return {errc::bad_command, "an element of a batch must be an object"};
  // Two ids are none: the client could not tell which of them is answered.
  const auto id_twice = from.twice >> static_cast<unsigned>(field::id) & 1;
  if (from.has(field::id) && !id_twice && is_id(from[field::id]))
    to.id = from[field::id].raw();
  command_fields fields{from};
  if (!are_single(from, fields))
    return fields.why();
  if (!from.has(field::op)) {
    fields.refuse(field::op, "is missing");
    return fields.why();
  }
  if (from[field::op].kind != json_kind::string) {
    fields.refuse(field::op, "must be a string");
    return fields.why();
  }
  std::string decoded;
  auto op = from[field::op].inside();
  if (from[field::op].escaped)
    op = decoded = unescaped(op);
  if (op == "pong") {
    to.id.clear();
    return {errc::ok};
  }
  if (to.id.empty()) {
    fields.refuse(field::id,
                  from.has(field::id) ? "must be an integer or a string of at most 64 bytes" : "is missing");
    return fields.why();
  }
  const auto take = taker_of(op);
  if (!take)
    return unknown(op);
  return take(fields, to, bounds) ? refusal{errc::ok} : fields.why();
}

} // namespace

bool understand(const envelope& from, const parse_limits& bounds, command_sink& to) {
  command c;
  auto wrong = read_command(from, bounds, c);
  return wrong.code == errc::ok ? to.on_command(std::move(c)) : to.on_bad(std::move(c.id), std::move(wrong));
}

refusal read_event(const envelope& from, const parse_limits& bounds, event& to) {
  if (!from.is_object)
    return {errc::bad_command, "an element of a batch must be an object"};
  command_fields fields{from};
  return are_single(from, fields) && take_event(fields, to, bounds) ? refusal{errc::ok} : fields.why();
}

} // namespace hubbub::broker::protocol
