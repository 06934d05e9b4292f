// How a session goes on over another connection.
#include "actors/connection_actor.hpp"
#include "actors/culprit.hpp"

#include "actors/node_metrics.hpp"
#include "actors/room_directory.hpp"
#include "actors/session_directory.hpp"
#include "actors/shown_ticket.hpp"
#include "actors/user_place.hpp"

#include <caf/message.hpp>

#include <algorithm>
#include <utility>

namespace hubbub::actors {
namespace {

using broker::errc;
using broker::refusal;
using broker::right;

} // namespace

// -- its ticket -----------------------------------------------------------------------

std::string connection_actor::new_ticket() {
  auto& node = at_.node();
  ticket_due_ = broker::steady_time::max();
  if (!node.tickets)
    return {};
  auto text = node.tickets->seal(*who_, to_.session);
  if (text.empty()) {
    node.counts.tickets_too_large.add(at_.index());
    node.log.limited(broker::log_level::warn, "tickets", "too-large",
                     "a user has so many grants that no ticket can hold them: it cannot resume",
                     {{"user", who_->user}});
    return text;
  }
  // Nothing is gained by a new one that would end no later.
  const auto lives = node.tickets->lives();
  if (who_->expires_ms == 0 || who_->expires_ms - node.time.unix_ms() > lives.count())
    ticket_due_ = at_.now() + lives / 2;
  return text;
}

broker::steady_time connection_actor::check_ticket(broker::steady_time now) {
  if (now < ticket_due_)
    return ticket_due_;
  if (const auto ticket = new_ticket(); !ticket.empty()) {
    auto& text = at_.text();
    broker::protocol::encode_ticket(text, ticket);
    to_.wire->control(text);
  }
  return ticket_due_;
}

bool connection_actor::is_revoked(const broker::identity& who) const {
  const auto* revoked = at_.node().revoked;
  return revoked && revoked->has(to_.session, who);
}

// -- its session ----------------------------------------------------------------------

void connection_actor::take_session() {
  auto& node = at_.node();
  if (!node.tickets)
    return;
  const auto me = caf::actor_cast<caf::strong_actor_ptr>(this);
  if (const auto before = node.sessions.take(to_.session, me)) {
    taking_over_ = true;
    before->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, session_taken{me}), &at_);
  }
}

void connection_actor::leave_session() {
  if (at_.node().tickets)
    at_.node().sessions.leave(to_.session, caf::actor_cast<caf::strong_actor_ptr>(this));
}

bool connection_actor::has_session() {
  auto& node = at_.node();
  return !node.tickets || node.sessions.has(to_.session, caf::actor_cast<caf::strong_actor_ptr>(this));
}

void connection_actor::give_up_session(const session_taken& by) {
  next_ = by.who;
  // It means one that this connection has left for another meanwhile.
  if (has_session())
    return let_next_go_on();
  // The one that has it now tells backends of it.
  told_connected_ = false;
  guarded([this] {
    if (!open_)
      return;
    leave_all(true);
    close({broker::close_code::resumed_elsewhere, "the session goes on over another connection"});
  });
  // Its rooms have been told to forget it: what the other one asks of them comes behind that. Not so what the
  // one before has in them, so the other one waits for that, too.
  if (!taking_over_)
    let_next_go_on();
}

void connection_actor::let_next_go_on() {
  if (const auto next = std::exchange(next_, nullptr))
    next->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, session_left{}), &at_);
}

void connection_actor::session_is_free() {
  if (!std::exchange(taking_over_, false))
    return;
  let_next_go_on();
  if (!open_)
    return leave_session();
  guarded([this] {
    if (resumption_)
      ask_rooms();
    run_waiting();
    mind_reading();
  });
}

// -- resume -----------------------------------------------------------------------------

void connection_actor::run_resume(const std::string& id, broker::resume_command&& c) {
  auto& node = at_.node();
  const auto turn_down = [&](const refusal& why) {
    node.counts.resumed(at_.index(), "refused");
    refuse(id, why);
  };
  if (!node.tickets)
    return turn_down({errc::not_supported, "this server gives no tickets: join with since"});
  if (c.rooms.size() > node.bounds.rooms)
    return turn_down({errc::too_many_rooms,
                      "a connection may be in " + std::to_string(node.bounds.rooms) + " rooms at most"});
  if (!c.ticket.empty()) {
    auto opened = open_shown_ticket(node, at_.index(), c.ticket);
    if (const auto* flaw = std::get_if<broker::ticket_flaw>(&opened))
      return turn_down(broker::refused(*flaw));
    if (auto why = go_on_with(std::move(std::get<broker::ticket>(opened))); why.code != errc::ok) {
      turn_down(why);
      if (why.code == errc::too_many_connections)
        close(too_many(why));
      return;
    }
  } else if (!by_ticket_) {
    return turn_down({errc::bad_command, "field `ticket` is missing"});
  }
  resumption_ = std::make_unique<resumption>(id, std::move(c.rooms));
  if (!taking_over_)
    ask_rooms();
}

refusal connection_actor::go_on_with(broker::ticket&& t) {
  if (who_ && !who_->user.empty() && who_->user != t.who.user)
    return {errc::forbidden, "the ticket is another user's"};
  const auto first = !who_;
  const auto nobody = first || who_->user.empty();
  if (nobody && is_held_back(t.who))
    return {errc::overloaded, keeps_crashing};
  const auto another = t.session != to_.session;
  if (another && (!joined_.empty() || questions_.count(question::kind::join) != 0))
    return {errc::already_joined, "another session's ticket counts only before the first join"};
  if (nobody) {
    if (auto why = take_place(t.who.user, t.session); why.code != errc::ok)
      return why;
  } else if (another) {
    place_ = at_.node().users.exchange(std::move(place_), t.session);
  }
  if (another) {
    tell_disconnected();
    leave_session();
    to_.session = t.session;
  }
  // Who showed a token keeps what that says: it is the newer word.
  if (nobody)
    admit(std::make_shared<const broker::identity>(std::move(t.who)));
  if (first || another) {
    take_session();
    say_welcome();
    schedule(at_.now());
  }
  return {errc::ok};
}

void connection_actor::ask_rooms() {
  const auto& bounds = at_.node().bounds;
  auto& places = resumption_->places();
  std::size_t asked = 0;
  for (std::uint32_t i = 0; i < places.size(); ++i) {
    auto& what = places[i].what;
    const auto rights = rights_in(what.room);
    auto why = errc::ok;
    if (!has(rights, right::join) || (what.presence && !has(rights, right::presence)))
      why = errc::forbidden;
    else if (find(what.room))
      why = errc::already_joined;
    else if (joined_.size() + asked >= bounds.rooms)
      why = errc::too_many_rooms;
    if (why != errc::ok) {
      count_refused(why);
      std::ignore = resumption_->refused(i, why);
      continue;
    }
    ++asked;
    auto& q = questions_.ask(question::kind::join, resumption_->id(), what.room);
    q.presence = what.presence;
    q.text = what.info;
    q.place = i + 1;
    broker::join_request j;
    j.info = what.info;
    j.since = what.since;
    j.presence = what.presence;
    j.roster_later = true;
    ask_to_join(q.slot, what.room, rights, std::move(j));
  }
  if (resumption_->all_asked())
    finish_resume();
}

void connection_actor::resumed(const question& q, answer& a) {
  const auto i = q.place - 1;
  if (auto* there = std::get_if<broker::join_answer>(&a.what)) {
    if (resumption_->joined(i, std::move(*there)))
      finish_resume();
    return;
  }
  const auto* why = std::get_if<refusal>(&a.what);
  const auto code = why ? why->code : errc::internal;
  count_refused(code);
  if (resumption_->refused(i, code))
    finish_resume();
}

void connection_actor::finish_resume() {
  const auto done = std::exchange(resumption_, nullptr);
  const auto rooms = done->outcome();
  auto& text = at_.text();
  broker::protocol::encode_ok_resume(text, done->id(), who_->user, rooms);
  said(text);
  const auto is_refused = [](const broker::resumed_room& r) { return r.why != errc::ok; };
  const auto is_torn = [](const broker::resumed_room& r) { return !r.recovered; };
  at_.node().counts.resumed(at_.index(), std::ranges::any_of(rooms, is_refused) ? "partial"
                                         : std::ranges::any_of(rooms, is_torn)  ? "gaps"
                                                                                : "recovered");
  for (const auto& p : done->places())
    if (p.there && p.there->hole)
      say_gap(*p.there->hole);
  for (auto& p : done->places())
    if (p.there) {
      auto& seated = take_seat(p.what.room, std::move(p.what.info), p.what.presence, 0, *p.there);
      if (p.what.presence)
        at_.show_presence(seated);
    }
}

} // namespace hubbub::actors
