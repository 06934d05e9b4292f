#include "actors/actor_node.hpp"
#include "actors/reply_actor.hpp"
#include "broker/daemon/admin_api.hpp"
#include "broker/daemon/admin_query.hpp"
#include "broker/daemon/http_answer.hpp"
#include "broker/daemon/one_answer.hpp"
#include "broker/protocol_event_json.hpp"
#include "broker/protocol_member_json.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::protocol::json_writer;

broker::http_response members_answer(const broker::member_page& page) {
  std::string json;
  json_writer to{json};
  to.put("{\"members\":");
  broker::protocol::write_members(to, page.members);
  to.put(",\"count\":").number(page.count).put(",\"more\":").boolean(page.more).put("}");
  return json_answer(std::move(json));
}

} // namespace

void admin_api::rooms(admin_request&& r) {
  const auto limit = read_limit(r.query);
  if (!limit)
    return r.done(error_answer(limit.error()));
  auto rows = parts_.actors.rooms().list(read_text(r.query, "prefix"), read_text(r.query, "after"),
                                         *limit + std::size_t{1});
  const auto more = rows.size() > *limit;
  rows.resize(std::min<std::size_t>(rows.size(), *limit));
  std::string json;
  json_writer to{json};
  to.put("{\"node\":").text(parts_.node).put(",\"rooms\":[");
  std::string_view comma;
  for (const auto& row : rows) {
    to.put(comma).put("{\"room\":").text(row.room).put(",\"connections\":").number(row.readers);
    const auto space = std::string_view{row.room}.substr(0, row.room.find('.'));
    if (parts_.actors.context().spaces.of(space).presence != broker::presence_mode::off)
      to.put(",\"people\":").number(row.people);
    to.put(",\"offset\":").number(row.offset).put("}");
    comma = ",";
  }
  to.put("],\"more\":").boolean(more).put("}");
  r.done(json_answer(std::move(json)));
}

void admin_api::history(admin_request&& r) {
  auto room = broker::room_name::parse(r.parts.front());
  if (!room)
    return r.done(error_answer(room.error()));
  if (parts_.actors.context().spaces.of(*room).kind == broker::room_kind::live)
    return r.done(error_answer({errc::not_supported, "a live room keeps no history: " + room->str()}));
  const auto limit = read_limit(r.query);
  if (!limit)
    return r.done(error_answer(limit.error()));
  const auto after = read_offset(r.query, "after");
  if (!after)
    return r.done(error_answer(after.error()));
  const auto before = read_offset(r.query, "before");
  if (!before)
    return r.done(error_answer(before.error()));
  if (*after && *before)
    return r.done(error_answer({errc::bad_command, "query `before` excludes `after`"}));
  broker::read_request what;
  what.room = std::move(*room);
  what.after = after->value_or(0);
  what.before = before->value_or(0);
  what.newest = !*after;
  what.limit = *limit;
  what.limit_bytes = broker::history_events_bytes;
  parts_.bus.read(std::move(what), [done = std::move(r.done)](const broker::read_result& found) {
    if (found.why.code != errc::ok)
      return done(error_answer(found.why));
    std::string json = "{";
    broker::protocol::write_history(json, found);
    done(json_answer(std::move(json) + '}'));
  });
}

void admin_api::presence(admin_request&& r) {
  const auto room = broker::room_name::parse(r.parts.front());
  if (!room)
    return r.done(error_answer(room.error()));
  const auto limit = read_limit(r.query);
  if (!limit)
    return r.done(error_answer(limit.error()));
  auto& rooms = parts_.actors.rooms();
  // On a node alone a room that is not there has nobody in it, and asking would only make it. In a cluster
  // its people may all be on other nodes: the room asks them, as it does for a client.
  if (!parts_.actors.context().rosters && !rooms.find(*room))
    return r.done(members_answer({}));
  const auto answer = std::make_shared<one_answer>(std::move(r.done));
  const auto asker = actors::reply_actor::make(*parts_.actors.context().system, [answer](actors::answer& a) {
    if (const auto* page = std::get_if<broker::member_page>(&a.what))
      answer->give(members_answer(*page));
    else if (const auto* why = std::get_if<broker::refusal>(&a.what))
      answer->give(error_answer(*why));
  });
  actors::members_message question;
  question.from.who = asker;
  question.limit = *limit;
  question.after = read_text(r.query, "after");
  if (rooms.offer(*room, std::move(question), nullptr) != errc::ok)
    answer->give(error_answer(rooms.why_not(*room)));
}

} // namespace hubbub::daemon
