#include "broker/session_id.hpp"
#include "cluster/roster_hub.hpp"

#include <algorithm>

namespace hubbub::cluster {
namespace {

using broker::owner_id;
using std::get_if;

// Longer pauses between two asks are a lease.
constexpr std::uint32_t most_doublings = 10;

} // namespace

// -- what comes in -----------------------------------------------------------------------

presence_message* roster_hub::accept(std::variant<presence_message, presence_flaw>& what) {
  if (closed_) // the log may be gone, too
    return nullptr;
  const auto* flaw = get_if<presence_flaw>(&what);
  if (flaw == nullptr)
    return get_if<presence_message>(&what);
  if (*flaw == presence_flaw::newer) {
    ++counters_.newer;
    log_.limited(broker::log_level::info, "rosters", "newer",
                 "a newer node says something that this one does not understand");
  } else {
    ++counters_.malformed;
    log_.limited(broker::log_level::warn, "rosters", "malformed",
                 "a message between nodes is malformed, and was passed over");
  }
  return nullptr;
}

void roster_hub::note_foreign() {
  ++counters_.foreign;
  log_.limited(broker::log_level::warn, "rosters", "foreign",
               "a message between nodes does not belong where it came, and was passed over");
}

void roster_hub::on_beats(const nats_message& m) {
  auto what = read_presence(m.data);
  const turn now{*this};
  auto* message = accept(what);
  if (message == nullptr)
    return;
  if (auto* beat = get_if<beat_message>(message))
    return hear(std::move(*beat));
  const auto* farewell = get_if<farewell_message>(message);
  if (farewell == nullptr)
    return note_foreign();
  membership::changes changes;
  members_.farewell(farewell->owner, now_, changes);
  apply(changes);
}

void roster_hub::on_own(const nats_message& m) {
  auto what = read_presence(m.data);
  const turn now{*this};
  auto* message = accept(what);
  if (message == nullptr)
    return;
  if (const auto* ask = get_if<ask_message>(message))
    return answer_ask(*ask, std::string{m.reply});
  if (const auto* said = get_if<occupancy_message>(message)) {
    if (occupancy_)
      occupancy_->hear(*said, now_);
    return;
  }
  if (const auto* heard = get_if<occupancy_heard>(message)) {
    if (occupancy_)
      occupancy_->hear(*heard, now_);
    return;
  }
  auto* part = get_if<part_message>(message);
  if (part == nullptr)
    return note_foreign();
  if (auto* room = wanted(part->room)) // it may be that it was, a moment ago
    hear(*room, std::move(*part));
}

void roster_hub::on_room(const room_ptr& room, const nats_message& m) {
  auto what = read_presence(m.data);
  const turn now{*this};
  auto* message = accept(what);
  if (message == nullptr || !room->handler)
    return;
  if (const auto* ask = get_if<ask_message>(message)) {
    if (ask->rooms.size() != 1 || ask->rooms.front().room != room->name)
      return note_foreign();
    return answer_room(*room, *ask);
  }
  auto* part = get_if<part_message>(message);
  if (part == nullptr || part->room != room->name)
    return note_foreign();
  hear(*room, std::move(*part));
}

// -- nodes -------------------------------------------------------------------------------

void roster_hub::hear(beat_message&& m) {
  if (m.owner == self_)
    return own_beats_.came_back(m.sequence);
  if (m.node == node_) {
    log_.limited(broker::log_level::warn, "rosters", "same-name",
                 "another node has this node's name, or this node's former life is still heard",
                 {{"node", node_}});
    if (std::pair{m.started_ms, m.owner} < std::pair{started_ms_, self_}) {
      membership::changes ended;
      members_.farewell(m.owner, now_, ended);
      return apply(ended);
    }
  }
  membership::changes changes;
  const auto counts = members_.hear(m, now_, changes);
  apply(changes);
  if (!counts)
    return;
  for (const auto& t : m.told) {
    const auto it = rooms_.find(t.room);
    if (it == rooms_.end() || !(*it)->handler)
      continue;
    if ((*it)->heard.hear(m.owner, t.number))
      chase(**it, m.owner, false);
  }
}

void roster_hub::apply(const membership::changes& changes) {
  for (const auto& c : changes) {
    log_.info("rosters", c.came ? "another node is there" : "another node is gone",
              {{"node", c.name}, {"owner", broker::session_id{c.owner}.str()}});
    if (!c.came) {
      ++counters_.gone;
      forget_owner(c.owner);
      continue;
    }
    ask_everything(c.owner);
    // It may not know us yet.
    if (now_ - last_beat_ > options_.beat / 4)
      next_beat_ = std::min(next_beat_, now_);
  }
}

void roster_hub::forget_owner(owner_id owner) {
  asks_.forget(owner);
  for (const auto& room : rooms_) {
    if (!room->handler)
      continue;
    if (room->heard.forget(owner, pieces_bytes_))
      calls_.add([handler = room->handler, owner] { handler->on_owner_gone(owner); });
    resolve(*room, owner);
  }
}

// -- parts -------------------------------------------------------------------------------

void roster_hub::hear(roster_room& room, part_message&& m) {
  const auto owner = m.part.owner;
  membership::changes changes;
  const auto counts = members_.hear(owner, now_, changes);
  apply(changes);
  if (!counts)
    return;
  auto heard = room.heard.hear(std::move(m), pieces_bytes_, options_.pieces_bytes);
  if (heard.tell)
    calls_.add([handler = room.handler, part = std::move(*heard.tell)]() mutable {
      handler->on_part(std::move(part));
    });
  if (heard.behind)
    chase(room, owner, false);
  else if (room.heard.have(owner) != 0)
    resolve(room, owner);
}

void roster_hub::resolve(roster_room& room, owner_id owner) {
  if (room.awaited && std::erase(*room.awaited, owner) != 0 && room.awaited->empty())
    sync(room);
}

void roster_hub::sync(roster_room& room) {
  room.awaited.reset();
  if (!std::exchange(room.is_synced, true) && room.handler)
    calls_.add([handler = room.handler] { handler->on_synced(); });
}

// -- asking ------------------------------------------------------------------------------

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
      if (const auto* room = wanted(name))
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
    auto* room = wanted(name);
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
    const auto* room = known(asked.room);
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
