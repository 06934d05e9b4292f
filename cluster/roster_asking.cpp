// What nodes ask of each other about rooms, and answer.
#include "cluster/roster_hub.hpp"

#include <algorithm>

namespace hubbub::cluster {
namespace {

using broker::owner_id;
using std::get_if;

// Longer pauses between two asks are a lease.
constexpr std::uint32_t most_doublings = 10;

} // namespace

// -- asking ------------------------------------------------------------------------------

void roster_hub::open(const room_ptr& room) {
  // The ask goes out before the subscription: were we subscribed, we would be somebody who listens.
  calls_.add([self = shared_from_this(), room, life = room->life] {
    const auto ask = write_presence(ask_message{self->self_, false, {{room->name, 0}}});
    self->link_->request(self->names_.presence(room->name), {}, ask,
                         [weak = std::weak_ptr{self}, room, life](nats_link::fate fate, const nats_message&) {
                           const auto hub = weak.lock();
                           if (!hub || (fate != nats_link::fate::nobody && fate != nats_link::fate::not_sent))
                             return;
                           const turn now{*hub};
                           if (auto* r = hub->rooms_.find(room->name, life))
                             hub->sync(*r);
                         });
    auto subscribed =
        self->link_->subscribe(self->names_.presence(room->name),
                               nats_link::listener::of<&roster_room::heard_message>(std::weak_ptr{room}));
    const std::lock_guard lock{self->mutex_};
    if (room->life == life && room->handler)
      room->subscribed = std::move(subscribed);
  });
}

void roster_hub::count_nodes(const room_ptr& room) {
  const auto n = members_.size();
  if (n == 0 || n > options_.few_nodes || now_ < settled_)
    return;
  room->awaited = std::make_unique<std::vector<owner_id>>();
  for (const auto& [owner, _] : members_.alive()) {
    room->awaited->push_back(owner);
    calls_.add([self = shared_from_this(), room, life = room->life, owner = owner] {
      const auto ask = write_presence(ask_message{self->self_, true, {{room->name, 0}}});
      self->link_->request(
          self->names_.to_node(owner), {}, ask,
          [weak = std::weak_ptr{self}, room, life, owner](nats_link::fate fate, const nats_message& m) {
            const auto hub = weak.lock();
            if (hub && fate == nats_link::fate::answered)
              hub->on_counted(room, life, owner, m);
          });
    });
  }
}

void roster_hub::chase(roster_room& room, owner_id owner, bool is_coming) {
  if (!room.heard.begin_asking(owner))
    return;
  if (!is_coming)
    ask_for_missed(room, owner);
  chases_.emplace(now_ + options_.ask_again, std::pair{room.weak_from_this(), owner});
}

void roster_hub::ask_for_missed(const roster_room& room, owner_id owner) {
  ++counters_.missed;
  asks_.add(owner, room.name);
}

void roster_hub::chase_again() {
  while (!chases_.empty() && chases_.begin()->first <= now_) {
    const auto [weak, owner] = chases_.begin()->second;
    chases_.erase(chases_.begin());
    const auto room = weak.lock();
    if (!room || !room->handler)
      continue;
    if (!room->heard.is_behind(owner) || !members_.is_alive(owner)) {
      room->heard.end_asking(owner);
      continue;
    }
    const auto times = std::min(room->heard.ask_again(owner), most_doublings);
    ask_for_missed(*room, owner);
    chases_.emplace(now_ + std::min(options_.ask_again * (1 << times), options_.lease),
                    std::pair{weak, owner});
  }
}

void roster_hub::ask_silent(const roster_room& room) {
  if (!room.handler)
    return;
  // An answer to the first ask may be lost, and nothing would tell of a part that is older than the beats.
  if (room.awaited)
    for (const auto owner : *room.awaited)
      asks_.add(owner, room.name);
  else // nobody was asked by name
    for (const auto& [owner, _] : members_.alive())
      asks_.add(owner, room.name);
}

void roster_hub::ask_everything() {
  settled_ = now_ + 2 * options_.beat;
  // What was told may not have gone out: the numbers will say so.
  for (const auto& room : rooms_)
    if (room->number != 0)
      told_.note_again(room->key, room->number);
  for (const auto& [owner, _] : members_.alive())
    ask_everything(owner);
}

void roster_hub::ask_everything(owner_id of) {
  std::deque<broker::room_name> all;
  for (const auto& room : rooms_)
    if (room->handler)
      all.push_back(room->name);
  asks_.add_all(of, std::move(all));
}

void roster_hub::send_asks() {
  for (auto& b : asks_.next(now_)) {
    ask_message m;
    m.asker = self_;
    for (const auto& name : b.rooms)
      if (const auto* room = rooms_.wanted(name))
        m.rooms.push_back({name, room->heard.have(b.of)});
    if (m.rooms.empty())
      continue;
    counters_.asked += m.rooms.size();
    calls_.add([self = shared_from_this(), m = std::move(m), b = std::move(b)]() mutable {
      const auto to = self->names_.to_node(b.of);
      self->link_->request(
          to, {}, write_presence(m),
          [weak = std::weak_ptr{self}, b = std::move(b)](nats_link::fate fate, const nats_message& answer) {
            if (const auto hub = weak.lock())
              hub->on_answered(b, fate, answer);
          });
    });
  }
}

void roster_hub::on_answered(const roster_asks::batch& asked, nats_link::fate fate, const nats_message& m) {
  if (fate != nats_link::fate::answered) {
    const turn now{*this};
    if (!closed_ && members_.is_alive(asked.of))
      asks_.add_again(asked, now_ + options_.lease / 4);
    return;
  }
  auto what = read_presence(m.data);
  const turn now{*this};
  const auto* message = accept(what);
  const auto* told = message == nullptr ? nullptr : get_if<told_message>(message);
  if (told != nullptr && told->owner == asked.of)
    hear_told(asked.rooms, *told);
}

void roster_hub::on_counted(const room_ptr& room, std::uint64_t life, owner_id by, const nats_message& m) {
  auto what = read_presence(m.data);
  const turn now{*this};
  const auto* message = accept(what);
  const auto* told = message == nullptr ? nullptr : get_if<told_message>(message);
  if (told != nullptr && told->owner == by && room->life == life)
    hear_told({room->name}, *told);
}

void roster_hub::hear_told(const std::vector<broker::room_name>& asked, const told_message& told) {
  membership::changes changes;
  const auto counts = members_.hear(told.owner, now_, changes);
  apply(changes);
  if (!counts)
    return;
  std::unordered_map<room_key, std::uint64_t> newer;
  for (const auto& t : told.rooms)
    newer.emplace(t.room, t.number);
  for (const auto& name : asked) {
    auto* room = rooms_.wanted(name);
    if (room == nullptr)
      continue;
    const auto it = newer.find(room->key);
    if (it == newer.end())
      room->heard.agree(told.owner);
    else if (room->heard.hear(told.owner, it->second)) {
      chase(*room, told.owner, true);
      continue;
    }
    resolve(*room, told.owner);
  }
}

// -- answering ---------------------------------------------------------------------------

void roster_hub::answer_ask(const ask_message& m, std::string reply_to) {
  if (m.asker == self_)
    return;
  told_message told;
  told.owner = self_;
  for (const auto& asked : m.rooms) {
    const auto* room = rooms_.known(asked.room);
    const auto number = room == nullptr || room->number == 0 ? tells_ : room->number;
    const auto nothing = room == nullptr || !room->has_people;
    if (number == asked.have || (nothing && asked.have == 0))
      continue;
    told.rooms.push_back({key_of(asked.room), number});
    if (m.numbers_only)
      continue;
    if (!nothing && room->handler)
      calls_.add(
          [handler = room->handler, who = broker::session_id{m.asker}.str()] { handler->on_asked(who); });
    else if (nothing)
      send_nothing(m.asker, asked.room, number);
  }
  if (names_.is_for_answers(reply_to))
    calls_.add([self = shared_from_this(), to = std::move(reply_to), told = std::move(told)] {
      self->link_->send(to, {}, write_presence(told));
    });
}

void roster_hub::answer_room(roster_room& room, const ask_message& m) {
  if (m.asker == self_)
    return;
  if (room.has_people)
    calls_.add([handler = room.handler, who = broker::session_id{m.asker}.str()] { handler->on_asked(who); });
  else
    send_nothing(m.asker, room.name, room.number == 0 ? tells_ : room.number);
}

void roster_hub::send_nothing(owner_id to, const broker::room_name& name, std::uint64_t number) {
  broker::roster_part nobody;
  nobody.whole = true;
  send_part(names_.to_node(to), roster_room{{}, name}, number, std::move(nobody));
}

} // namespace hubbub::cluster
