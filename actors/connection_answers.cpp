// What a client is told.
#include "actors/connection_actor.hpp"

#include "actors/node_metrics.hpp"
#include "actors/overloaded.hpp"

#include <utility>

namespace hubbub::actors {
namespace {

using broker::errc;
using broker::refusal;

} // namespace

void connection_actor::answered(question q, answer& a) {
  if (q.place != 0)
    return resumed(q, a);
  auto& text = at_.text();
  std::visit(overloaded{
                 [&](refusal& why) {
                   count_refused(why);
                   broker::protocol::encode_error(text, q.id, why);
                 },
                 [&](broker::publish_refused& why) {
                   count_refused(why.why);
                   broker::protocol::encode_error(text, q.id, why);
                 },
                 [&](broker::join_answer& j) { joined(q, j); },
                 [&](broker::stored& s) { broker::protocol::encode_ok_publish(text, q.id, s, q.live); },
                 [&](broker::member_page& m) {
                   broker::protocol::encode_ok_presence(text, q.id, m.members, m.count, m.more);
                 },
                 [&](broker::read_result& r) {
                   if (r.why.code == errc::ok)
                     return broker::protocol::encode_ok_history(text, q.id, r);
                   count_refused(r.why);
                   broker::protocol::encode_error(text, q.id, r.why);
                 },
                 [&](broker::backend_answer& b) {
                   backend_said(q, b);
                   text.clear(); // said, or held
                 },
                 [&](updated&) { broker::protocol::encode_ok_room(text, q.id, q.room); },
             },
             a.what);
  if (!text.empty())
    said(text);
}

joined_room& connection_actor::take_seat(const broker::room_name& room, std::string info, bool presence,
                                         std::uint64_t presence_version, const broker::join_answer& a) {
  auto r = std::make_unique<joined_room>();
  r->to = &to_;
  r->room = at_.node().rooms->find(room);
  if (!r->room)
    r->room = at_.node().rooms->resolve(room);
  r->who = who_.get();
  r->say(std::move(info));
  r->wants_presence = presence;
  r->presence_version = presence_version;
  auto& seated = *joined_.emplace_back(std::move(r));
  at_.node().counts.joins.add(at_.index());
  at_.seat(seated, a.from, a.at);
  return seated;
}

void connection_actor::joined(question& q, broker::join_answer& a) {
  auto& text = at_.text();
  broker::protocol::encode_ok_join(text, q.id, a.what);
  said(text);
  if (a.hole)
    say_gap(*a.hole);
  text.clear();
  take_seat(q.room, std::move(q.text), q.presence, a.presence_version, a);
}

void connection_actor::say_gap(const broker::gap& hole) {
  auto& text = at_.text();
  broker::protocol::encode_gap(text, hole);
  to_.wire->control(text);
}

void connection_actor::said(std::string_view text) {
  to_.wire->control(text);
  ++unsent_answers_;
}

void connection_actor::refuse(std::string_view id, const refusal& why) {
  count_refused(why);
  auto& text = at_.text();
  broker::protocol::encode_error(text, id, why);
  said(text);
}

void connection_actor::forbid(std::string_view id, std::string_view what, const broker::room_name& room) {
  refuse(id, {errc::forbidden, "no grant to " + std::string{what} + ": " + room.str()});
}

void connection_actor::count_refused(const refusal& why) {
  at_.node().counts.refused(at_.index(), why.code);
  tell_refused(broker::name(why.code), why.message);
}

} // namespace hubbub::actors
