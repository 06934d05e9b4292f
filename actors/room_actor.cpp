#include "actors/room_actor.hpp"

#include "actors/culprit.hpp"
#include "actors/loop_unit.hpp"
#include "actors/node_metrics.hpp"
#include "actors/overloaded.hpp"
#include "actors/room_directory.hpp"

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <bit>
#include <type_traits>

namespace hubbub::actors {
namespace {

// Publishes that wait for the log; beyond it the room's publishers feel it.
constexpr std::size_t most_publishes = 4096;

} // namespace

room_actor::room_actor(caf::actor_config& cfg, node_context& node, const broker::room_name& name,
                       std::uint64_t generation, loop_unit& home)
    : loop_actor{cfg},
      node_{node},
      home_{home},
      gate_{node.room_mailbox},
      inbox_{std::make_shared<bus_inbox>()},
      room_{name, node.spaces.of(name), generation, node.around, *this},
      last_used_{node.time.now()} {}

room_actor::~room_actor() = default;

void room_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (node_.ended.load(std::memory_order_acquire))
    return; // a timer that fires while CAF's system ends; nobody would run the room any more
  // Without a host CAF would run the room on a worker of its own, beside the loops.
  const auto ours = dynamic_cast<loop_unit*>(host) != nullptr;
  loop_actor::enqueue(std::move(what), ours ? host : &home_);
}

bool room_actor::cleanup(caf::error&& reason, caf::execution_unit* host) {
  gate_.close();
  // Where the room is made anew it is occupied anew.
  if (!node_.ended.load(std::memory_order_acquire))
    tell_occupancy(false);
  room_.detach(); // before another room of that name can want the same
  if (node_.rooms)
    node_.rooms->remove(room_.name(), this);
  if (reason && reason != caf::exit_reason::user_shutdown && node_.room_supervisor)
    caf::anon_send(node_.room_supervisor, room_down{room_.name(), caf::to_string(reason), blamed_});
  return loop_actor::cleanup(std::move(reason), host);
}

loop_unit& room_actor::unit() noexcept {
  auto* here = dynamic_cast<loop_unit*>(context());
  return here ? *here : home_;
}

void room_actor::took() noexcept {
  gate_.left();
  last_used_ = unit().now();
}

void room_actor::show_numbers() noexcept {
  readers_.store(static_cast<std::uint32_t>(room_.readers()), std::memory_order_relaxed);
  people_.store(room_.people(), std::memory_order_relaxed);
  tell_occupancy(room_.readers() != 0);
  show_offset();
  mind_idleness();
}

void room_actor::tell_occupancy(bool occupied) noexcept {
  if (std::exchange(occupied_, occupied) == occupied)
    return;
  const auto what = occupied ? broker::notice_kind::occupied : broker::notice_kind::vacated;
  if (!node_.notices || !node_.notices->wants(what))
    return;
  broker::notice n;
  n.what = what;
  n.room = room_.name();
  node_.notices->put(std::move(n));
}

void room_actor::show_offset() noexcept { offset_.store(room_.position().offset, std::memory_order_relaxed); }

void room_actor::begin() {
  inbox_->belongs_to(this);
  bus_inbox::calling here{*inbox_};
  room_.attach(node_.bus.want(room_.name(), inbox_));
}

template <class... Messages>
bool room_actor::take_one_of(caf::type_erased_tuple& what) {
  const auto take_if = [&]<class Message>(std::type_identity<Message>) {
    const auto is = what.match_elements<Message>();
    if (is)
      take(what.get_mutable_as<Message>(0));
    return is;
  };
  return (take_if(std::type_identity<Messages>{}) || ...);
}

void room_actor::read(caf::mailbox_element& what) {
  auto& content = what.content();
  if (take_one_of<publish_message, nudge, join_message, leave_message, members_message, update_message,
                  adopt_message>(content))
    return;
  if (content.match_elements<caf::exit_msg>())
    quit(std::move(content.get_mutable_as<caf::exit_msg>(0).reason));
}

void room_actor::take(join_message& m) {
  took();
  m.what.id = ++next_id_;
  const auto by = m.from.by;
  await(m.what.id, std::move(m.from));
  on_behalf(by, [&] { room_.join(std::move(m.what)); });
  show_numbers();
}

void room_actor::take(publish_message& m) {
  took();
  if (publishes_ >= most_publishes) {
    reply(m.from, broker::publish_refused{
                      {broker::errc::overloaded, "the room's log is behind", broker::retry_soon_ms},
                      broker::publish_outcome::not_stored,
                      std::move(m.what.event_id)});
    return;
  }
  const auto token = ++next_id_;
  const auto by = m.from.by;
  await(token, std::move(m.from));
  ++publishes_;
  bus_inbox::calling here{*inbox_};
  on_behalf(by, [&] { room_.publish(token, std::move(m.what)); });
  mind_idleness();
}

void room_actor::take(leave_message& m) {
  last_used_ = unit().now();
  room_.leave(m.session, m.goes_on);
  show_numbers();
}

void room_actor::take(update_message& m) {
  took();
  auto joined = false;
  on_behalf(m.from.by, [&] { joined = room_.update(m.session, m.info); });
  if (joined)
    reply(m.from, updated{});
  else
    reply(m.from, broker::refusal{broker::errc::not_joined, "the room is not joined"});
}

void room_actor::take(members_message& m) {
  took();
  const auto id = ++next_id_;
  const auto by = m.from.by;
  await(id, std::move(m.from));
  on_behalf(by, [&] { room_.members(id, m.limit, std::move(m.after)); });
  mind_idleness();
}

void room_actor::take(adopt_message& m) {
  if (m.counted)
    took();
  room_.adopt(m.loop, std::move(m.readers));
  show_numbers();
}

void room_actor::take(const nudge& m) {
  switch (m.what) {
  case nudge::to::read_bus:
    for (auto& i : inbox_->take())
      handle(i);
    return show_numbers();
  case nudge::to::flush_news:
    return room_.flush_news();
  case nudge::to::tick:
    room_.tick();
    return show_numbers();
  case nudge::to::mind_log:
    room_.mind_log();
    return show_numbers();
  case nudge::to::sweep:
    return sweep();
  }
}

void room_actor::mind_idleness() {
  if (room_.readers() != 0 || std::exchange(watched_, true))
    return;
  unit().idle().watch(caf::actor_cast<caf::strong_actor_ptr>(this), unit().now());
}

void room_actor::sweep() {
  watched_ = false;
  const auto patience = unit().idle().patience();
  // When the gate admits nobody any more, nothing can be in the mailbox that would be lost.
  if (!pending_ && unit().now() - last_used_ >= patience && room_.may_end(patience) && gate_.close_if_empty())
    return quit();
  mind_idleness();
}

bool room_actor::event_came(const broker::stored_event_ptr& e) {
  auto wanted = false;
  // It may come while it is published: who did that is known better there.
  on_behalf(blamed_ != 0 ? blamed_ : culprit_mark(e->from, {}), [&] { wanted = room_.event_came(e); });
  return wanted;
}

void room_actor::handle(bus_inbox::item& i) {
  std::visit(overloaded{
                 [this](bus_inbox::ready& r) { room_.ready(std::move(r.head)); },
                 [this](bus_inbox::began_anew& b) { room_.began_anew(std::move(b.head)); },
                 [this](broker::refusal& why) { room_.unavailable(std::move(why)); },
                 [this](broker::stored_event_ptr& e) { std::ignore = event_came(e); },
                 [this](bus_inbox::missed&) { room_.missed(); },
                 [this](bus_inbox::lost& l) { room_.lost(l.count); },
                 [this](bus_inbox::stored& s) { on_published(s.token, std::move(s.what)); },
                 [this](bus_inbox::refused& r) { on_publish_refused(r.token, std::move(r.what)); },
                 [](bus_inbox::read_done& r) { r.done(std::move(r.what)); },
                 [this](broker::roster_part& part) { room_.hear(part); },
                 [this](bus_inbox::owner_gone& g) { room_.forget(g.owner); },
                 [this](bus_inbox::asked& a) { room_.asked_for_people(a.who); },
                 [this](bus_inbox::synced&) { room_.heard_all(); },
             },
             i);
}

// -- what the room decided ------------------------------------------------------

void room_actor::await(std::uint64_t id, caller who) {
  if (!pending_)
    pending_ = std::make_unique<callers>();
  pending_->emplace_hint(pending_->end(), id, std::move(who));
}

caller room_actor::take_pending(std::uint64_t id) {
  const auto found = pending_ ? pending_->extract(id) : callers::node_type{};
  if (!found)
    return {};
  if (pending_->empty())
    pending_.reset();
  return std::move(found.mapped());
}

void room_actor::reply(const caller& to, decltype(answer::what) what) {
  if (to.who)
    to.who->enqueue(
        caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, answer{to.slot, std::move(what)}),
        &unit());
}

void room_actor::on_joined(std::uint64_t id, broker::join_answer a) { reply(take_pending(id), std::move(a)); }

void room_actor::on_join_refused(std::uint64_t id, broker::refusal why) {
  reply(take_pending(id), std::move(why));
}

void room_actor::on_published(broker::publish_token token, broker::stored what) {
  auto& counts = what.duplicate ? node_.counts.duplicates : node_.counts.published;
  counts.add(unit().index());
  --publishes_;
  show_offset(); // before anybody has the answer, or the event, and looks
  reply(take_pending(token), std::move(what));
}

void room_actor::on_publish_refused(broker::publish_token token, broker::publish_refused why) {
  if (why.why.code == broker::errc::unavailable) {
    const bool perhaps = why.outcome == broker::publish_outcome::unknown;
    (perhaps ? node_.counts.perhaps_stored : node_.counts.not_stored).add(unit().index());
  }
  --publishes_;
  reply(take_pending(token), std::move(why));
}

void room_actor::on_members(std::uint64_t id, broker::member_page page) {
  reply(take_pending(id), std::move(page));
}

void room_actor::on_adopted(std::uint32_t loop, broker::feed_ptr from) {
  auto& there = *node_.loops[loop];
  there.post([&there, from = std::move(from)] { there.adopt(from); });
}

void room_actor::tell_news(const broker::feed_ptr& from, std::uint64_t loops) {
  show_offset();
  for (; loops != 0; loops &= loops - 1)
    node_.loops[static_cast<std::size_t>(std::countr_zero(loops))]->tell_news(from);
}

void room_actor::tell_presence(const broker::feed_ptr& from, std::uint64_t loops) {
  for (; loops != 0; loops &= loops - 1)
    node_.loops[static_cast<std::size_t>(std::countr_zero(loops))]->tell_presence(from);
}

void room_actor::send_now(const broker::feed_ptr& from) { unit().send_now(from); }

void room_actor::nudge_later(broker::milliseconds by, nudge::to what) {
  auto& clock = home_system().clock();
  // Not `delayed_send`: its message names the room as sender, and a room whose mailbox holds it would keep
  // itself alive.
  clock.schedule_message(clock.now() + by, caf::actor_cast<caf::strong_actor_ptr>(this),
                         caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, nudge{what}));
}

void room_actor::delay_news(broker::milliseconds by) { nudge_later(by, nudge::to::flush_news); }

void room_actor::delay_tick(broker::milliseconds by) { nudge_later(by, nudge::to::tick); }

void room_actor::delay_log(broker::milliseconds by) { nudge_later(by, nudge::to::mind_log); }

void room_actor::read(broker::read_request what, broker::read_handler done) {
  node_.counts.room_reads.add(unit().index());
  bus_inbox::calling here{*inbox_};
  node_.bus.read(std::move(what), bus_inbox::through(inbox_, std::move(done)));
}

std::unique_ptr<broker::roster_interest> room_actor::follow_roster() {
  if (!node_.rosters)
    return nullptr;
  bus_inbox::calling here{*inbox_};
  return node_.rosters->want(room_.name(), inbox_);
}

broker::frame_maker& room_actor::frames() { return unit().frames(); }

} // namespace hubbub::actors
