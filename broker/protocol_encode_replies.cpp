#include "broker/protocol.hpp"
#include "broker/protocol_event_json.hpp"
#include "broker/protocol_member_json.hpp"

namespace hubbub::broker::protocol {
namespace {

/// An answer up to its `id`, which is JSON as it came.
json_writer answer(std::string& out, std::string_view id) {
  json_writer to{out};
  to.put("{\"op\":\"ok\",\"id\":").put(id);
  return to;
}

/// An error up to what only some bear.
json_writer refused(std::string& out, std::string_view id, const refusal& why, std::string_view code) {
  json_writer to{out};
  to.put("{\"op\":\"error\"");
  if (!id.empty())
    to.put(",\"id\":").put(id);
  to.put(",\"code\":").text(code).put(",\"message\":").text(why.message);
  if (why.retry_after_ms != 0)
    to.put(",\"retry_after_ms\":").number(why.retry_after_ms);
  return to;
}

json_writer refused(std::string& out, std::string_view id, const refusal& why) {
  return refused(out, id, why, name(why.code));
}

std::string_view outcome_name(publish_outcome o) noexcept {
  return o == publish_outcome::unknown ? "unknown" : "not_stored";
}

} // namespace

void encode_ok_auth(std::string& out, std::string_view id, std::string_view user, std::string_view ticket,
                    std::optional<std::int64_t> expires_in_ms) {
  auto to = answer(out, id);
  to.put(",\"user\":").text_or_null(user).put(",\"ticket\":").text_or_null(ticket);
  if (expires_in_ms)
    to.put(",\"expires_in_ms\":").number(*expires_in_ms);
  to.put("}");
}

void encode_ok_join(std::string& out, std::string_view id, const joined& j) {
  auto to = answer(out, id);
  to.put(",\"room\":").text(j.room.str());
  to.put(",\"epoch\":").text(j.position.epoch);
  to.put(",\"offset\":").number(j.position.offset);
  to.put(",\"head\":").number(j.head);
  if (j.recovered)
    to.put(",\"recovered\":").boolean(*j.recovered);
  if (j.members) {
    to.put(",\"members\":");
    write_members(to, *j.members);
  }
  if (j.count)
    to.put(",\"count\":").number(*j.count);
  to.put("}");
}

void encode_ok_resume(std::string& out, std::string_view id, std::string_view user,
                      const std::vector<resumed_room>& rooms) {
  auto to = answer(out, id);
  to.put(",\"user\":").text_or_null(user).put(",\"rooms\":{");
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    const auto& r = rooms[i];
    to.put(i == 0 ? "" : ",").text(r.room.str());
    if (r.why != errc::ok) {
      to.put(":{\"error\":").text(name(r.why)).put("}");
      continue;
    }
    to.put(":{\"epoch\":").text(r.position.epoch).put(",\"offset\":").number(r.position.offset);
    to.put(",\"head\":").number(r.head).put(",\"recovered\":").boolean(r.recovered).put("}");
  }
  to.put("}}");
}

void encode_ok_room(std::string& out, std::string_view id, const room_name& room) {
  answer(out, id).put(",\"room\":").text(room.str()).put("}");
}

void encode_ok_publish(std::string& out, std::string_view id, const stored& s, bool live) {
  auto to = answer(out, id);
  to.put(",\"event_id\":").text(s.event_id);
  if (!live) {
    to.put(",\"offset\":").number(s.position.offset);
    to.put(",\"epoch\":").text(s.position.epoch);
    to.put(",\"duplicate\":").boolean(s.duplicate);
  }
  to.put("}");
}

void encode_ok_accepted(std::string& out, std::string_view id, std::string_view event_id) {
  answer(out, id).put(",\"event_id\":").text(event_id).put(",\"accepted\":true}");
}

void encode_ok_call(std::string& out, std::string_view id, const backend_answer& a) {
  auto to = answer(out, id);
  if (a.encoding == data_encoding::json)
    to.put(",\"data\":").put(a.data).put("}");
  else
    to.put(",\"data\":\"").put(a.data).put("\",\"encoding\":\"base64\"}");
}

void encode_ok_history(std::string& out, std::string_view id, const read_result& r) {
  answer(out, id).put(",");
  write_history(out, r);
  out += '}';
}

void encode_ok_presence(std::string& out, std::string_view id, const std::vector<member>& members,
                        std::uint32_t count, bool more) {
  auto to = answer(out, id);
  to.put(",\"members\":");
  write_members(to, members);
  to.put(",\"count\":").number(count).put(",\"more\":").boolean(more).put("}");
}

void encode_error(std::string& out, std::string_view id, const refusal& why) {
  refused(out, id, why).put("}");
}

void encode_error(std::string& out, std::string_view id, const publish_refused& why) {
  auto to = refused(out, id, why.why);
  if (!why.event_id.empty())
    to.put(",\"event_id\":").text(why.event_id);
  to.put(",\"outcome\":").text(outcome_name(why.outcome)).put("}");
}

void encode_error(std::string& out, std::string_view id, const backend_answer& a, std::string_view event_id) {
  auto to = refused(out, id, a.why, a.code.empty() ? name(a.why.code) : std::string_view{a.code});
  if (!event_id.empty())
    to.put(",\"event_id\":").text(event_id).put(",\"outcome\":").text(outcome_name(a.outcome));
  to.put("}");
}

} // namespace hubbub::broker::protocol
