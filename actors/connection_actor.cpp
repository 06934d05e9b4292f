#include "actors/connection_actor.hpp"

#include "actors/node_metrics.hpp"

#include <caf/message.hpp>

#include <algorithm>
#include <utility>

namespace hubbub::actors {
namespace {

using broker::errc;
using broker::refusal;
using broker::right;

constexpr std::uint32_t retry_soon_ms = 100;
// A large answer waits until the lane is nearly empty.
constexpr std::size_t little_control = 16'384;
// Bytes of event data in one `history` answer; with their envelopes they stay below its 256 KB.
constexpr std::size_t history_bytes = 131'072;
constexpr std::uint32_t most_history = 1000;
constexpr std::uint32_t most_members = 1000;
// A client that sends nothing but rubbish, or nothing but what is refused.
constexpr std::uint32_t most_bad = 32;
constexpr std::uint32_t refused_seconds = 10;
constexpr std::chrono::seconds expiring_ahead{30};
constexpr std::chrono::milliseconds shortest_check{100};

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
overloaded(Ts...) -> overloaded<Ts...>;

} // namespace

connection_actor::connection_actor(caf::actor_config& cfg, loop_unit& at, std::string remote,
                                   std::shared_ptr<const broker::identity> who)
    : caf::monitorable_actor{cfg},
      at_{at},
      who_{std::move(who)},
      remote_{std::move(remote)},
      commands_{at.node().bounds.commands_per_second} {
  to_.session = broker::session_id::random();
  timer_.owner = this;
}

connection_actor::~connection_actor() = default;

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
  if (!open_ || !content.match_elements<answer>())
    return;
  auto& a = content.get_mutable_as<answer>(0);
  const auto p =
      std::find_if(pending_.begin(), pending_.end(), [&](const pending& q) { return q.slot == a.slot; });
  if (p == pending_.end())
    return; // told already that nothing would come
  auto question = std::move(*p);
  pending_.erase(p);
  answered(std::move(question), a);
  run_waiting();
  mind_reading();
}

// -- its socket ---------------------------------------------------------------------

void connection_actor::on_open(broker::connection& c) {
  to_.wire = &c;
  to_.format = c.format();
  open_ = true;
  opened_ = progress_ = at_.now();
  at_.add(*this);
  at_.node().counts.connections.add(at_.index());
  if (who_)
    say_welcome();
  schedule(opened_);
}

void connection_actor::on_message(std::string_view text) {
  if (closing_)
    return;
  if (to_.wire->control_bytes() == 0)
    unsent_answers_ = 0;
  at_.parser().parse(text, *this);
  mind_reading();
}

void connection_actor::on_binary() {
  std::ignore = on_bad({}, {errc::bad_frame, "binary messages are not understood: send JSON text"});
}

void connection_actor::on_writable() {
  for (auto& r : joined_)
    at_.sender().drained(*r);
  on_control_sent();
}

void connection_actor::on_control_sent() {
  unsent_answers_ = 0;
  for (auto& r : joined_)
    if (r->wants_presence)
      at_.show_presence(*r);
  run_waiting();
  mind_reading();
}

void connection_actor::on_closed() {
  if (!std::exchange(open_, false))
    return;
  broker::timing_wheel::cancel(timer_);
  // Joins that are not answered yet are given up too: a room forgets whoever leaves.
  for (auto& p : pending_)
    if (p.what == pending::kind::join)
      if (auto r = at_.node().rooms->find(p.room))
        r->tell(leave_message{to_.session}, &at_);
  while (!joined_.empty())
    leave(joined_.size() - 1);
  pending_.clear();
  waiting_.clear();
  at_.remove(*this);
  at_.node().counts.connections.sub(at_.index());
  to_.wire = nullptr;
}

void connection_actor::close(const broker::disconnect& why) {
  if (!open_ || std::exchange(closing_, true))
    return;
  at_.node().counts.closed(at_.index(), why.code);
  to_.wire->close(why);
}

void connection_actor::mind_reading() {
  if (!open_ || closing_)
    return;
  const auto& bounds = at_.node().bounds;
  const auto full = pending_.size() + waiting_.size() + unsent_answers_ >= bounds.commands_in_flight ||
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

void connection_actor::schedule(broker::steady_time now) { on_timer(now); }

void connection_actor::on_timer(broker::steady_time now) {
  if (!open_ || closing_)
    return;
  auto next =
      std::min({check_authentication(now), check_expiry(now), check_progress(now), check_heartbeat(now)});
  if (!closing_)
    at_.wheel().schedule(timer_, std::max(next, now + shortest_check));
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
    return now + left - expiring_ahead;
  if (!std::exchange(told_expiring_, true)) {
    auto& text = at_.text();
    broker::protocol::encode_expiring(text, left.count());
    to_.wire->control(text);
  }
  return now + left;
}

broker::steady_time connection_actor::check_progress(broker::steady_time now) {
  const auto stall = at_.node().bounds.stall;
  const auto unsent = to_.wire->unsent_bytes();
  if (unsent == 0 || unsent < unsent_ || to_.wire->last_sent() > progress_)
    progress_ = now;
  unsent_ = unsent;
  if (unsent > 0 && now - progress_ >= stall)
    close({broker::close_code::slow_consumer, "took nothing for too long"});
  return now + stall / 4;
}

broker::steady_time connection_actor::check_heartbeat(broker::steady_time now) {
  const auto& bounds = at_.node().bounds;
  const auto heard = to_.wire->last_received();
  if (pinged_ != broker::steady_time{} && heard >= pinged_)
    pinged_ = {};
  if (pinged_ != broker::steady_time{}) {
    if (unsent_ > 0) // the ping may be among it: progress counts now
      return now + bounds.pong_within;
    if (now >= pinged_ + bounds.pong_within)
      close({broker::close_code::heartbeat_missed, "did not answer a ping", retry_soon_ms});
    return pinged_ + bounds.pong_within;
  }
  // Spread over a quarter of the interval, so that what came together does not ping together.
  const auto spread = broker::milliseconds{
      static_cast<std::int64_t>(to_.session.value % static_cast<std::uint64_t>(bounds.ping.count() / 4 + 1))};
  const auto due = heard + bounds.ping - spread;
  if (now < due)
    return due;
  pinged_ = now;
  auto& text = at_.text();
  broker::protocol::encode_ping(text);
  to_.wire->control(text);
  return now + bounds.pong_within;
}

// -- commands -----------------------------------------------------------------------

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
  if (is_large(c) &&
      (to_.wire->control_bytes() > little_control ||
       std::any_of(pending_.begin(), pending_.end(), [](const pending& p) { return p.large; })))
    return true;
  // What is said of a room waits until its join is answered.
  const broker::room_name* room = nullptr;
  if (const auto* leave = std::get_if<broker::leave_command>(&c.what))
    room = &leave->room;
  else if (const auto* update = std::get_if<broker::update_command>(&c.what))
    room = &update->room;
  return room && is_pending(pending::kind::join, *room);
}

void connection_actor::run_waiting() {
  std::size_t done = 0;
  while (open_ && !closing_ && done < waiting_.size() && !must_wait(waiting_[done]))
    run(std::move(waiting_[done++]));
  waiting_.erase(waiting_.begin(),
                 waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(done, waiting_.size())));
}

void connection_actor::run(broker::command&& c) {
  const auto is_auth = std::holds_alternative<broker::auth_command>(c.what);
  const auto is_resume = std::holds_alternative<broker::resume_command>(c.what);
  if (!who_ && !is_auth && !is_resume)
    return refuse(c.id, {errc::unauthorized, "authenticate first: send auth with a token"});
  const auto& id = c.id;
  std::visit(
      overloaded{
          [](broker::pong_command&) {},
          [&](broker::auth_command& a) { run_auth(id, std::move(a)); },
          [&](broker::join_command& j) { run_join(id, std::move(j)); },
          [&](broker::leave_command& l) { run_leave(id, l); },
          [&](broker::publish_command& p) { run_publish(id, std::move(p)); },
          [&](broker::history_command& h) { run_history(id, h); },
          [&](broker::presence_command& p) { run_presence(id, std::move(p)); },
          [&](broker::update_command& u) { run_update(id, std::move(u)); },
          [&](broker::call_command&) {
            refuse(id, {errc::not_supported, "call is not offered by this version"});
          },
          [&](broker::resume_command&) {
            refuse(id, {errc::not_supported, "resume is not offered by this version: join with since"});
          },
      },
      c.what);
}

void connection_actor::run_auth(const std::string& id, broker::auth_command&& c) {
  const auto* tokens = at_.node().tokens;
  if (!tokens)
    return refuse(id, {errc::unauthorized, "this server has no keys to verify a token with"});
  auto verified = tokens->verify(c.token);
  if (!verified)
    return refuse(id, verified.error());
  if (who_ && !who_->user.empty() && who_->user != verified->user)
    return refuse(id, {errc::forbidden, "the token is another user's"});
  const auto first = !who_;
  admit(std::make_shared<const broker::identity>(std::move(*verified)));
  if (first)
    say_welcome();
  auto& text = at_.text();
  std::optional<std::int64_t> left;
  if (who_->expires_ms != 0)
    left = who_->expires_ms - at_.node().time.unix_ms();
  broker::protocol::encode_ok_auth(text, id, who_->user, {}, left);
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
  if (find(c.room) || is_pending(pending::kind::join, c.room))
    return refuse(id, {errc::already_joined, "the room is joined already: " + c.room.str()});
  const auto joins = std::count_if(pending_.begin(), pending_.end(),
                                   [](const pending& p) { return p.what == pending::kind::join; });
  if (joined_.size() + static_cast<std::size_t>(joins) >= at_.node().bounds.rooms)
    return refuse(id, {errc::too_many_rooms, "a connection may be in " +
                                                 std::to_string(at_.node().bounds.rooms) + " rooms at most"});
  auto& p = ask(pending::kind::join, id, c.room);
  p.presence = p.large = c.presence;
  p.text = c.info;
  join_message m;
  m.from = {caf::actor_cast<caf::strong_actor_ptr>(this), p.slot};
  m.what.session = to_.session;
  m.what.user = who_->user;
  m.what.user_info = who_->user_info;
  m.what.info = std::move(c.info);
  m.what.loop = at_.index();
  m.what.format = to_.format;
  m.what.since = std::move(c.since);
  m.what.history = c.history;
  m.what.presence = c.presence;
  m.what.whole_history = has(rights, right::history);
  offer(p.slot, nullptr, c.room, std::move(m));
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

void connection_actor::leave(std::size_t i) {
  auto gone = std::move(joined_[i]);
  joined_[i] = std::move(joined_.back());
  joined_.pop_back();
  at_.unseat(*gone);
  at_.node().counts.joins.sub(at_.index());
  gone->room->tell(leave_message{to_.session}, &at_);
}

void connection_actor::run_publish(const std::string& id, broker::publish_command&& c) {
  const auto& rules = at_.node().spaces.of(c.what.room);
  if (!has(rights_in(c.what.room), right::publish))
    return forbid(id, "publish", c.what.room);
  if (rules.publish == broker::publish_mode::off)
    return refuse(id, {errc::forbidden, "clients may not publish in this namespace"});
  if (rules.publish == broker::publish_mode::via_backend)
    return refuse(id, {errc::not_supported, "publishing through a backend is not offered by this version"});
  auto* known = find(c.what.room);
  c.what.from = who_->user;
  if (!c.echo && known)
    c.what.excluded = to_.session;
  auto& p = ask(pending::kind::publish, id, c.what.room);
  p.text = c.what.event_id;
  p.live = rules.kind == broker::room_kind::live;
  publish_message m{{caf::actor_cast<caf::strong_actor_ptr>(this), p.slot}, std::move(c.what)};
  const auto& room = p.room; // `p` may move, the room's text does not need to
  offer(p.slot, known, broker::room_name{room}, std::move(m));
}

void connection_actor::run_history(const std::string& id, const broker::history_command& c) {
  if (!has(rights_in(c.room), right::history))
    return forbid(id, "history", c.room);
  if (at_.node().spaces.of(c.room).kind == broker::room_kind::live)
    return refuse(id, {errc::not_supported, "a live room keeps no history: " + c.room.str()});
  auto& p = ask(pending::kind::history, id, c.room);
  p.large = true;
  broker::read_request what;
  what.room = c.room;
  what.after = c.after.value_or(0);
  what.before = c.before.value_or(0);
  what.newest = !c.after;
  what.limit = std::clamp(c.limit, 1u, most_history);
  what.limit_bytes = history_bytes;
  at_.node().bus.read(std::move(what), [me = caf::actor_cast<caf::strong_actor_ptr>(this),
                                        slot = p.slot](broker::read_result r) {
    me->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, answer{slot, std::move(r)}),
                nullptr);
  });
}

void connection_actor::run_presence(const std::string& id, broker::presence_command&& c) {
  if (!has(rights_in(c.room), right::presence))
    return forbid(id, "presence", c.room);
  auto& p = ask(pending::kind::members, id, c.room);
  p.large = true;
  members_message m{{caf::actor_cast<caf::strong_actor_ptr>(this), p.slot},
                    std::clamp(c.limit, 1u, most_members),
                    std::move(c.after)};
  offer(p.slot, find(c.room), c.room, std::move(m));
}

void connection_actor::run_update(const std::string& id, broker::update_command&& c) {
  auto* room = find(c.room);
  if (!room)
    return refuse(id, {errc::not_joined, "the room is not joined: " + c.room.str()});
  auto& p = ask(pending::kind::update, id, c.room);
  room->info = c.info;
  update_message m{{caf::actor_cast<caf::strong_actor_ptr>(this), p.slot}, to_.session, std::move(c.info)};
  offer(p.slot, room, c.room, std::move(m));
}

// -- asking rooms -----------------------------------------------------------------------

connection_actor::pending& connection_actor::ask(pending::kind what, const std::string& id,
                                                 const broker::room_name& room) {
  pending p;
  p.what = what;
  p.slot = ++next_slot_;
  p.id = id;
  p.room = room;
  return pending_.emplace_back(std::move(p));
}

template <class Message>
void connection_actor::offer(std::uint32_t slot, joined_room* known, const broker::room_name& room,
                             Message m) {
  // A joined room is known without a look-up; it is gone only when it crashed.
  auto outcome = known ? known->room->offer(m, &at_) : errc::gone;
  if (outcome == errc::gone)
    outcome = at_.node().rooms->offer(room, std::move(m), &at_);
  if (outcome != errc::ok)
    give_back(slot, {errc::overloaded, "the room has more to do than it can: " + room.str(), retry_soon_ms});
}

void connection_actor::give_back(std::uint32_t slot, const refusal& why) {
  const auto p =
      std::find_if(pending_.begin(), pending_.end(), [&](const pending& q) { return q.slot == slot; });
  if (p == pending_.end())
    return;
  answer a{slot, why};
  if (p->what == pending::kind::publish)
    a.what = broker::publish_refused{why, broker::publish_outcome::not_stored, p->text};
  auto question = std::move(*p);
  pending_.erase(p);
  answered(std::move(question), a);
}

void connection_actor::room_lost(const broker::room_name& room) {
  for (std::size_t i = 0; i < pending_.size();) {
    if (pending_[i].room != room || pending_[i].what == pending::kind::history) {
      ++i;
      continue;
    }
    auto p = std::move(pending_[i]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    const refusal why{errc::unavailable, "the room failed and is made anew: try again", retry_soon_ms};
    answer a{p.slot, why};
    if (p.what == pending::kind::publish)
      a.what = broker::publish_refused{why, broker::publish_outcome::unknown, p.text};
    answered(std::move(p), a);
  }
  for (auto& r : joined_)
    if (r->name == room)
      r->room = at_.node().rooms->resolve(room);
  run_waiting();
  mind_reading();
}

// -- answers ------------------------------------------------------------------------------

void connection_actor::answered(pending p, answer& a) {
  auto& text = at_.text();
  std::visit(overloaded{
                 [&](refusal& why) {
                   count_refused(why.code);
                   broker::protocol::encode_error(text, p.id, why);
                 },
                 [&](broker::publish_refused& why) {
                   count_refused(why.why.code);
                   broker::protocol::encode_error(text, p.id, why);
                 },
                 [&](broker::join_answer& j) { joined(p, j); },
                 [&](broker::stored& s) { broker::protocol::encode_ok_publish(text, p.id, s, p.live); },
                 [&](broker::member_page& m) {
                   broker::protocol::encode_ok_presence(text, p.id, m.members, m.count, m.more);
                 },
                 [&](broker::read_result& r) {
                   if (r.why.code == errc::ok)
                     return broker::protocol::encode_ok_history(text, p.id, r);
                   count_refused(r.why.code);
                   broker::protocol::encode_error(text, p.id, r.why);
                 },
                 [&](updated&) { broker::protocol::encode_ok_room(text, p.id, p.room); },
             },
             a.what);
  if (!text.empty())
    said(text);
}

void connection_actor::joined(pending& p, broker::join_answer& a) {
  auto r = std::make_unique<joined_room>();
  r->to = &to_;
  r->name = std::move(p.room);
  r->room = at_.node().rooms->find(r->name);
  if (!r->room)
    r->room = at_.node().rooms->resolve(r->name);
  r->who = who_.get();
  r->info = std::move(p.text);
  r->wants_presence = p.presence;
  r->presence_version = a.presence_version;
  auto& text = at_.text();
  broker::protocol::encode_ok_join(text, p.id, a.what);
  said(text);
  if (a.hole) {
    text.clear();
    broker::protocol::encode_gap(text, *a.hole);
    to_.wire->control(text);
  }
  text.clear();
  auto& seated = *joined_.emplace_back(std::move(r));
  at_.node().counts.joins.add(at_.index());
  at_.seat(seated, a.from, a.at);
}

void connection_actor::said(std::string_view text) {
  to_.wire->control(text);
  ++unsent_answers_;
}

void connection_actor::refuse(std::string_view id, const refusal& why) {
  count_refused(why.code);
  auto& text = at_.text();
  broker::protocol::encode_error(text, id, why);
  said(text);
}

void connection_actor::forbid(std::string_view id, std::string_view what, const broker::room_name& room) {
  refuse(id, {errc::forbidden, "no grant to " + std::string{what} + ": " + room.str()});
}

void connection_actor::count_refused(errc code) { at_.node().counts.refused(at_.index(), code); }

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
  w.ping_ms = static_cast<std::uint32_t>(node.bounds.ping.count());
  w.bounds = node.bounds;
  w.version = node.version;
  auto& text = at_.text();
  broker::protocol::encode_welcome(text, w);
  to_.wire->control(text);
}

right connection_actor::rights_in(const broker::room_name& room) const noexcept {
  return at_.node().spaces.of(room).anyone | who_->allowed.on(room.str());
}

joined_room* connection_actor::find(const broker::room_name& room) noexcept {
  for (auto& r : joined_)
    if (r->name == room)
      return r.get();
  return nullptr;
}

bool connection_actor::is_pending(pending::kind what, const broker::room_name& room) const noexcept {
  return std::any_of(pending_.begin(), pending_.end(),
                     [&](const pending& p) { return p.what == what && p.room == room; });
}

} // namespace hubbub::actors
