// What a client asks for.
#include "actors/connection_actor.hpp"

#include "actors/culprit.hpp"
#include "actors/node_metrics.hpp"
#include "actors/overloaded.hpp"
#include "actors/room_directory.hpp"
#include "actors/shown_ticket.hpp"
#include "actors/token_check.hpp"
#include "actors/user_place.hpp"

#include <caf/message.hpp>

#include <algorithm>
#include <utility>

namespace hubbub::actors {
namespace {

using broker::errc;
using broker::refusal;
using broker::right;

constexpr std::uint32_t most_history = 1000;
constexpr std::uint32_t most_members = 1000;
// A client that sends nothing but rubbish, or nothing but what is refused.
constexpr std::uint32_t most_bad = 32;
constexpr std::uint32_t refused_seconds = 10;

} // namespace

bool connection_actor::on_bad(std::string id, refusal why) {
  refuse(id, why);
  if (++bad_in_a_row_ >= most_bad)
    close({broker::close_code::protocol_abuse, "too many messages that are not understood"});
  return !closing_;
}

bool connection_actor::on_command(broker::command&& c) {
  if (std::holds_alternative<broker::pong_command>(c.what))
    return true;
  bad_in_a_row_ = 0;
  at_.node().counts.commands.add(at_.index());
  const auto now = at_.now();
  if (!commands_.take(now)) {
    refuse(c.id, {errc::rate_limited, "too many commands", std::max(commands_.retry_after_ms(now), 1u)});
    if (++refused_in_a_row_ > refused_seconds * at_.node().bounds.commands_per_second)
      close({broker::close_code::too_many_refused, "too many commands, for too long"});
    return !closing_;
  }
  refused_in_a_row_ = 0;
  if (!waiting_.empty() || must_wait(c))
    waiting_.push_back(std::move(c));
  else
    run(std::move(c));
  return !closing_;
}

bool connection_actor::is_large(const broker::command& c) noexcept {
  const auto* join = std::get_if<broker::join_command>(&c.what);
  return (join && join->presence) || std::holds_alternative<broker::history_command>(c.what) ||
         std::holds_alternative<broker::presence_command>(c.what);
}

bool connection_actor::must_wait(const broker::command& c) const noexcept {
  if (taking_over_ || resumption_)
    return true;
  if (is_large(c) && (to_.wire->control_bytes() > little_control || questions_.has_large()))
    return true;
  // What is said of a room waits until its join is answered.
  const broker::room_name* room = nullptr;
  if (const auto* leave = std::get_if<broker::leave_command>(&c.what))
    room = &leave->room;
  else if (const auto* update = std::get_if<broker::update_command>(&c.what))
    room = &update->room;
  return room && questions_.has(question::kind::join, *room);
}

void connection_actor::run_waiting() {
  std::size_t done = 0;
  while (open_ && !closing_ && done < waiting_.size() && !must_wait(waiting_[done]))
    run(std::move(waiting_[done++]));
  waiting_.erase(waiting_.begin(),
                 waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(done, waiting_.size())));
}

void connection_actor::run(broker::command&& c) {
  try {
    run_allowed(std::move(c));
  } catch (...) {
    refuse(c.id, {errc::internal, "something broke on the server's side: what came of this is not known"});
    throw;
  }
}

void connection_actor::run_allowed(broker::command&& c) {
  const auto is_auth = std::holds_alternative<broker::auth_command>(c.what);
  const auto is_resume = std::holds_alternative<broker::resume_command>(c.what);
  if (!who_ && !is_auth && !is_resume)
    return refuse(
        c.id, {errc::unauthorized, "authenticate first: send auth with a token, or resume with a ticket"});
  const auto& id = c.id;
  std::visit(overloaded{
                 [](broker::pong_command&) {},
                 [&](broker::auth_command& a) { run_auth(id, std::move(a)); },
                 [&](broker::join_command& j) { run_join(id, std::move(j)); },
                 [&](broker::leave_command& l) { run_leave(id, l); },
                 [&](broker::publish_command& p) { run_publish(id, std::move(p)); },
                 [&](broker::history_command& h) { run_history(id, h); },
                 [&](broker::presence_command& p) { run_presence(id, std::move(p)); },
                 [&](broker::update_command& u) { run_update(id, std::move(u)); },
                 [&](broker::call_command& k) { run_call(id, std::move(k)); },
                 [&](broker::resume_command& r) { run_resume(id, std::move(r)); },
             },
             c.what);
}

void connection_actor::run_auth(const std::string& id, broker::auth_command&& c) {
  auto verified = check_token(at_.node(), at_.index(), c.token);
  if (!verified)
    return refuse(id, verified.error());
  if (who_ && !who_->user.empty() && who_->user != verified->user)
    return refuse(id, {errc::forbidden, "the token is another user's"});
  if (is_revoked(*verified))
    return refuse(id, {errc::unauthorized, "the token was revoked"});
  mind_long_life(at_.node(), *verified);
  const auto first = !who_;
  if (first || who_->user.empty()) {
    if (is_held_back(*verified))
      return;
    if (auto why = take_place(verified->user, to_.session); why.code != errc::ok) {
      refuse(id, why);
      return close(too_many(why));
    }
  }
  admit(std::make_shared<const broker::identity>(std::move(*verified)));
  if (first) {
    take_session();
    say_welcome();
  }
  const auto ticket = new_ticket();
  schedule(at_.now());
  auto& text = at_.text();
  std::optional<std::int64_t> left;
  if (who_->expires_ms != 0)
    left = who_->expires_ms - at_.node().time.unix_ms();
  broker::protocol::encode_ok_auth(text, id, who_->user, ticket, left);
  said(text);
}

void connection_actor::run_join(const std::string& id, broker::join_command&& c) {
  const auto rights = rights_in(c.room);
  if (!has(rights, right::join))
    return forbid(id, "join", c.room);
  if (c.presence && !has(rights, right::presence))
    return forbid(id, "presence", c.room);
  if (c.history && !has(rights, right::history))
    return forbid(id, "history", c.room);
  if (find(c.room) || questions_.has(question::kind::join, c.room))
    return refuse(id, {errc::already_joined, "the room is joined already: " + c.room.str()});
  if (joined_.size() + questions_.count(question::kind::join) >= at_.node().bounds.rooms)
    return refuse(id, {errc::too_many_rooms, "a connection may be in " +
                                                 std::to_string(at_.node().bounds.rooms) + " rooms at most"});
  auto& q = questions_.ask(question::kind::join, id, c.room);
  q.presence = q.large = c.presence;
  q.text = c.info;
  broker::join_request what;
  what.info = std::move(c.info);
  what.since = std::move(c.since);
  what.history = c.history;
  what.presence = c.presence;
  ask_to_join(q.slot, c.room, rights, std::move(what));
}

caller connection_actor::asks(std::uint32_t slot) {
  const auto user = who_ ? std::string_view{who_->user} : std::string_view{};
  return {caf::actor_cast<caf::strong_actor_ptr>(this), slot,
          culprit_mark(user, open_ ? remote() : std::string_view{})};
}

void connection_actor::ask_to_join(std::uint32_t slot, const broker::room_name& room, right rights,
                                   broker::join_request what) {
  what.session = to_.session;
  what.user = who_->user;
  what.user_info = who_->user_info;
  what.loop = at_.index();
  what.format = to_.format;
  what.whole_history = has(rights, right::history);
  offer(slot, nullptr, room, join_message{asks(slot), std::move(what)});
}

void connection_actor::run_leave(const std::string& id, const broker::leave_command& c) {
  auto* room = find(c.room);
  if (!room)
    return refuse(id, {errc::not_joined, "the room is not joined: " + c.room.str()});
  const auto i = std::find_if(joined_.begin(), joined_.end(), [&](const auto& r) { return r.get() == room; });
  leave(static_cast<std::size_t>(i - joined_.begin()));
  auto& text = at_.text();
  broker::protocol::encode_ok_room(text, id, c.room);
  said(text);
}

void connection_actor::leave(std::size_t i, bool goes_on) {
  auto gone = std::move(joined_[i]);
  joined_[i] = std::move(joined_.back());
  joined_.pop_back();
  at_.unseat(*gone);
  at_.node().counts.joins.sub(at_.index());
  gone->room->tell(leave_message{to_.session, goes_on}, &at_);
}

void connection_actor::run_publish(const std::string& id, broker::publish_command&& c) {
  const auto& rules = at_.node().spaces.of(c.what.room);
  if (!has(rights_in(c.what.room), right::publish))
    return forbid(id, "publish", c.what.room);
  if (rules.publish == broker::publish_mode::off)
    return refuse(id, {errc::forbidden, "clients may not publish in this namespace"});
  c.what.from = who_->user;
  if (!c.echo)
    c.what.excluded = to_.session;
  if (rules.publish == broker::publish_mode::via_backend)
    return run_publish_via_backend(id, std::move(c.what));
  auto* known = find(c.what.room);
  auto& q = questions_.ask(question::kind::publish, id, c.what.room);
  q.text = c.what.event_id;
  q.live = rules.kind == broker::room_kind::live;
  publish_message m{asks(q.slot), std::move(c.what)};
  const auto& room = q.room; // `q` may move, the room's text does not need to
  offer(q.slot, known, broker::room_name{room}, std::move(m));
}

void connection_actor::run_history(const std::string& id, const broker::history_command& c) {
  if (!has(rights_in(c.room), right::history))
    return forbid(id, "history", c.room);
  if (at_.node().spaces.of(c.room).kind == broker::room_kind::live)
    return refuse(id, {errc::not_supported, "a live room keeps no history: " + c.room.str()});
  auto& q = questions_.ask(question::kind::history, id, c.room);
  q.large = true;
  broker::read_request what;
  what.room = c.room;
  what.after = c.after.value_or(0);
  what.before = c.before.value_or(0);
  what.newest = !c.after;
  what.limit = std::clamp(c.limit, 1u, most_history);
  what.limit_bytes = broker::history_events_bytes;
  at_.node().bus.read(std::move(what), [me = caf::actor_cast<caf::strong_actor_ptr>(this),
                                        slot = q.slot](broker::read_result r) {
    me->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, answer{slot, std::move(r)}),
                nullptr);
  });
}

void connection_actor::run_presence(const std::string& id, broker::presence_command&& c) {
  if (!has(rights_in(c.room), right::presence))
    return forbid(id, "presence", c.room);
  auto& q = questions_.ask(question::kind::members, id, c.room);
  q.large = true;
  members_message m{asks(q.slot), c.limit == 0 ? most_members : std::min(c.limit, most_members),
                    std::move(c.after)};
  offer(q.slot, find(c.room), c.room, std::move(m));
}

void connection_actor::run_update(const std::string& id, broker::update_command&& c) {
  auto* room = find(c.room);
  if (!room)
    return refuse(id, {errc::not_joined, "the room is not joined: " + c.room.str()});
  auto& q = questions_.ask(question::kind::update, id, c.room);
  room->say(c.info);
  update_message m{asks(q.slot), to_.session, std::move(c.info)};
  offer(q.slot, room, c.room, std::move(m));
}

// -- asking rooms -----------------------------------------------------------------------

template <class Message>
void connection_actor::offer(std::uint32_t slot, joined_room* known, const broker::room_name& room,
                             Message m) {
  // A joined room is known without a look-up; it is gone only when it crashed.
  auto outcome = known ? known->room->offer(m, &at_) : errc::gone;
  if (outcome == errc::gone)
    outcome = at_.node().rooms->offer(room, std::move(m), &at_);
  if (outcome != errc::ok)
    give_back(slot, at_.node().rooms->why_not(room));
}

void connection_actor::give_back(std::uint32_t slot, const refusal& why) {
  if (auto q = questions_.take(slot))
    fail(std::move(*q), why, broker::publish_outcome::not_stored);
}

void connection_actor::fail(question q, const refusal& why, broker::publish_outcome outcome) {
  answer a{q.slot, why};
  if (q.what == question::kind::publish)
    a.what = broker::publish_refused{why, outcome, q.text};
  answered(std::move(q), a);
}

void connection_actor::room_lost(const broker::room_name& room) {
  guarded([&] { ask_anew(room); });
}

void connection_actor::ask_anew(const broker::room_name& room) {
  // The room made in its place may have our join in its mailbox already, or have answered it.
  const auto forget_join = [&] {
    if (const auto next = at_.node().rooms->find(room))
      next->tell(leave_message{to_.session}, &at_);
  };
  while (auto q = questions_.take_of(room)) {
    if (q->what == question::kind::join)
      forget_join();
    fail(std::move(*q),
         {errc::unavailable, "the room failed and is made anew: try again", broker::retry_soon_ms},
         broker::publish_outcome::unknown);
  }
  if (resumption_ && resumption_->lost(room))
    forget_join();
  for (auto& r : joined_)
    if (r->name() == room)
      r->room = at_.node().rooms->resolve(room);
  run_waiting();
  mind_reading();
}

} // namespace hubbub::actors
