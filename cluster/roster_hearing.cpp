#include "broker/session_id.hpp"
#include "cluster/roster_hub.hpp"

#include <algorithm>

namespace hubbub::cluster {
namespace {

using broker::owner_id;
using std::get_if;

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
  if (auto* room = rooms_.wanted(part->room)) // it may be that it was, a moment ago
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
    auto* room = rooms_.wanted(t.room);
    if (room != nullptr && room->heard.hear(m.owner, t.number))
      chase(*room, m.owner, false);
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

} // namespace hubbub::cluster
