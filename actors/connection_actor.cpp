#include "actors/connection_actor.hpp"

#include "actors/culprit.hpp"
#include "actors/node_metrics.hpp"
#include "actors/user_place.hpp"

#include <caf/message.hpp>

#include <algorithm>
#include <utility>

namespace hubbub::actors {
namespace {

using broker::errc;
using broker::refusal;
using broker::right;

constexpr std::chrono::seconds expiring_ahead{30};
constexpr std::chrono::milliseconds shortest_check{100};
// A client that is sent away waits so long for the answers to what it asked.
constexpr std::chrono::seconds answers_within{1};
// A clock's ticks end before the year 2300, and tokens may be good until 9999.
constexpr std::chrono::hours longest_look_ahead{24 * 365};

} // namespace

broker::disconnect revoked() { return {broker::close_code::revoked, "revoked"}; }

connection_actor::connection_actor(caf::actor_config& cfg, loop_unit& at, arrival as)
    : caf::monitorable_actor{cfg},
      at_{at},
      who_{std::move(as.who)},
      place_{std::move(as.place)},
      commands_{at.node().bounds.commands_per_second},
      alive_{at.now()},
      by_ticket_{as.by_ticket} {
  to_.session = as.session;
  timer_.owner = this;
}

connection_actor::~connection_actor() = default;

// -- what breaks ----------------------------------------------------------------------

void connection_actor::crashed(const char* why) {
  const auto by = culprit(who_.get(), open_ ? remote() : std::string_view{});
  const auto wait = at_.node().supervision->connections.crashed(to_.session.str(), why, by).count();
  close({broker::close_code::internal_error, "something broke on the server's side",
         wait == 0 ? broker::retry_soon_ms : static_cast<std::uint32_t>(wait)});
}

bool connection_actor::is_held_back(const broker::identity& who) {
  const auto wait = culprit_waits(at_.node(), at_.index(), &who, remote()).count();
  if (wait != 0)
    close({broker::close_code::overloaded, keeps_crashing, static_cast<std::uint32_t>(wait)});
  return wait != 0;
}

refusal connection_actor::take_place(const std::string& user, broker::session_id session) {
  auto place = place_for(at_.node(), user, session);
  if (!place)
    return place.error();
  place_ = std::move(*place);
  return {errc::ok};
}

// -- its mailbox --------------------------------------------------------------------

void connection_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  at_.deliver(caf::actor_cast<caf::strong_actor_ptr>(this), std::move(what));
}

void connection_actor::enqueue(caf::strong_actor_ptr sender, caf::message_id id, caf::message content,
                               caf::execution_unit* host) {
  enqueue(caf::make_mailbox_element(std::move(sender), id, {}, std::move(content)), host);
}

void connection_actor::read_letter(caf::mailbox_element& what) {
  auto& content = what.content();
  if (content.match_elements<session_taken>())
    return give_up_session(content.get_as<session_taken>(0));
  if (content.match_elements<session_left>())
    return session_is_free();
  if (!open_ || !content.match_elements<answer>())
    return;
  auto& a = content.get_mutable_as<answer>(0);
  auto q = questions_.take(a.slot);
  if (!q)
    return;
  guarded([&] {
    answered(std::move(*q), a);
    run_waiting();
    mind_reading();
    go_home_if_answered();
  });
}

// -- its socket ---------------------------------------------------------------------

void connection_actor::on_open(broker::connection& c) {
  to_.wire = &c;
  to_.format = c.format();
  open_ = true;
  opened_ = at_.now();
  alive_ = broker::liveness{opened_};
  at_.add(*this);
  at_.node().counts.connections.add(at_.index());
  guarded([this] {
    if (who_) {
      // Somebody may have said so since the handshake.
      if (is_revoked(*who_))
        return close(revoked());
      take_session();
      say_welcome();
    }
    schedule(opened_);
  });
}

void connection_actor::on_message(std::string_view text) {
  if (closing_)
    return;
  guarded([&] {
    if (to_.wire->control_bytes() == 0)
      unsent_answers_ = 0;
    at_.parser().parse(text, *this);
    mind_reading();
  });
}

void connection_actor::on_binary() {
  guarded([this] {
    std::ignore = on_bad({}, {errc::bad_frame, "binary messages are not understood: send JSON text"});
  });
}

void connection_actor::on_writable() {
  guarded([this] {
    for (auto& r : joined_)
      at_.sender().drained(*r);
  });
  on_control_sent();
}

void connection_actor::on_control_sent() {
  guarded([this] {
    unsent_answers_ = 0;
    for (auto& r : joined_)
      if (r->wants_presence)
        at_.show_presence(*r);
    say_held();
    run_waiting();
    mind_reading();
    go_home_if_answered();
  });
}

void connection_actor::on_closed() {
  if (!std::exchange(open_, false))
    return;
  place_.give_back();
  broker::timing_wheel::cancel(timer_);
  leave_all();
  if (has_session())
    tell_disconnected();
  // Whoever takes the session now must wait for the connection that this one waits for.
  if (!taking_over_)
    leave_session();
  at_.remove(*this);
  at_.node().counts.connections.sub(at_.index());
  to_.wire = nullptr;
}

void connection_actor::leave_all(bool goes_on) {
  const auto tell = [this, goes_on](const broker::room_name& room) {
    if (auto r = at_.node().rooms->find(room))
      r->tell(leave_message{to_.session, goes_on}, &at_);
  };
  // Joins that are not answered yet are given up too: a room forgets whoever leaves.
  for (const auto& q : questions_.give_up())
    if (q.what == question::kind::join)
      tell(q.room);
  if (const auto given_up = std::exchange(resumption_, nullptr))
    for (const auto& p : given_up->places())
      if (p.there)
        tell(p.what.room);
  while (!joined_.empty())
    leave(joined_.size() - 1, goes_on);
  waiting_.clear();
  held_.clear();
}

void connection_actor::close(const broker::disconnect& why) {
  if (!open_ || std::exchange(closing_, true))
    return;
  to_.wire->close(why);
}

bool connection_actor::send_home(std::uint32_t retry_after_ms) {
  if (!open_ || closing_ || home_retry_ms_ != 0)
    return false;
  home_retry_ms_ = std::max(retry_after_ms, 1u);
  home_at_ = at_.now() + answers_within;
  at_.wheel().schedule(timer_, home_at_);
  go_home_if_answered();
  return true;
}

void connection_actor::go_home_if_answered() {
  // Answers that are held wait for room in the lane, and would not leave behind a goodbye.
  if (home_retry_ms_ != 0 && questions_.size() == 0 && held_.empty())
    go_home();
}

void connection_actor::go_home() {
  close({broker::close_code::draining, "this node ends: connect again", home_retry_ms_});
}

void connection_actor::mind_reading() {
  if (!open_ || closing_)
    return;
  const auto& bounds = at_.node().bounds;
  const auto full =
      questions_.size() + waiting_.size() + held_.size() + unsent_answers_ >= bounds.commands_in_flight ||
      !waiting_.empty() || to_.wire->control_bytes() > bounds.control_bytes / 2;
  if (full == paused_)
    return;
  paused_ = full;
  if (full)
    to_.wire->pause_reading();
  else
    to_.wire->resume_reading();
}

// -- time ---------------------------------------------------------------------------

void connection_actor::schedule(broker::steady_time now) {
  if (!open_ || closing_)
    return;
  const auto next =
      std::min({check_authentication(now), check_expiry(now), check_alive(now), check_ticket(now)});
  if (!closing_)
    at_.wheel().schedule(timer_, std::min(std::max(next, now + shortest_check), home_at_));
}

void connection_actor::on_timer(broker::steady_time now) {
  guarded([&] {
    if (now >= home_at_)
      go_home();
    schedule(now);
  });
}

broker::steady_time connection_actor::check_authentication(broker::steady_time now) {
  const auto until = opened_ + at_.node().bounds.authenticate_within;
  if (who_)
    return broker::steady_time::max();
  if (now >= until)
    close({broker::close_code::unauthorized, "did not authenticate in time"});
  return until;
}

broker::steady_time connection_actor::check_expiry(broker::steady_time now) {
  if (!who_ || who_->expires_ms == 0)
    return broker::steady_time::max();
  const broker::milliseconds left{who_->expires_ms - at_.node().time.unix_ms()};
  if (left.count() <= 0) {
    close({broker::close_code::token_expired, "the token has expired"});
    return now;
  }
  if (left > expiring_ahead)
    return now + std::min<broker::milliseconds>(left - expiring_ahead, longest_look_ahead);
  if (!std::exchange(told_expiring_, true)) {
    auto& text = at_.text();
    broker::protocol::encode_expiring(text, left.count());
    to_.wire->control(text);
  }
  return now + left;
}

broker::steady_time connection_actor::check_alive(broker::steady_time now) {
  const auto found = alive_.check(*to_.wire, at_.node().bounds, to_.session, !paused_, now);
  if (found.end)
    close(*found.end);
  if (found.ping) {
    auto& text = at_.text();
    broker::protocol::encode_ping(text);
    to_.wire->control(text);
  }
  return found.next;
}

// -- state ----------------------------------------------------------------------------------

void connection_actor::admit(std::shared_ptr<const broker::identity> who) {
  who_ = std::move(who);
  told_expiring_ = false;
  for (auto& r : joined_)
    r->who = who_.get();
  schedule(at_.now());
}

void connection_actor::say_welcome() {
  const auto& node = at_.node();
  broker::welcome w;
  w.session = to_.session.str();
  w.node = node.node;
  w.user = who_->user;
  w.ticket = new_ticket();
  w.ping_ms = static_cast<std::uint32_t>(node.bounds.ping.count());
  w.bounds = node.bounds;
  w.version = node.version;
  auto& text = at_.text();
  broker::protocol::encode_welcome(text, w);
  to_.wire->control(text);
  tell_backends(broker::notice_kind::connected);
  told_connected_ = true;
}

right connection_actor::rights_in(const broker::room_name& room) const noexcept {
  return at_.node().spaces.of(room).anyone | who_->allowed.on(room.str());
}

joined_room* connection_actor::find(const broker::room_name& room) noexcept {
  for (auto& r : joined_)
    if (r->name() == room)
      return r.get();
  return nullptr;
}

} // namespace hubbub::actors
