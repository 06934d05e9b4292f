// What backends are told of rooms.
#include "cluster/occupancy.hpp"

#include <algorithm>

namespace hubbub::cluster {

void occupancy::decide_all(broker::steady_time now) {
  if (telling_id_ != 0)
    return;
  if (!std::exchange(queued_all_, true)) {
    decided_among_ = members_;
    for (auto at = rooms_.begin(); at != rooms_.end(); ++at)
      if (is_first(at->second))
        queue(at);
  }
  batch b;
  while (!queue_.empty() && b.all.size() < options_.notices) {
    const auto at = queue_.front();
    queue_.pop_front();
    at->second.queued = false;
    decide(at, now, b);
  }
  if (b.all.empty())
    return;
  b.id = telling_id_ = ++batches_;
  batch_ = std::move(b);
}

void occupancy::decide(place at, broker::steady_time now, batch& to) {
  auto& [room, e] = *at;
  if (!is_first(e))
    return drop_if_done(at);
  if (e.telling)
    return;
  const auto occupied = is_occupied(e);
  const auto is_told =
      occupied ? e.word == told_word::occupied : e.word == told_word::vacated || e.word == told_word::nothing;
  if (occupied || e.word == told_word::occupied)
    e.blip = false; // what is told says it, too, or takes nothing back that was told
  if (is_told && !e.blip) {
    if (std::exchange(e.intent, false))
      say(e.kept_by.second, room);
    return drop_if_done(at);
  }
  if (!std::exchange(e.intent, true) && e.kept_by.second != 0) {
    say(e.kept_by.second, room);
    e.note_until = now + options_.note;
    notes_due_.emplace_back(e.note_until, room);
  }
  if (now < e.note_until && owes(e.kept_by.second, room))
    return; // it is queued again when that was heard
  if (e.blip)
    to.all.push_back({room, true});
  to.all.push_back({room, occupied});
  e.blip = false;
  e.word = told_word::unknown;
  e.telling = true;
  telling_.emplace_back(at, occupied ? told_word::occupied : told_word::vacated);
}

void occupancy::told(std::uint64_t batch_id, bool was) {
  if (batch_id == 0 || batch_id != telling_id_)
    return;
  telling_id_ = 0;
  for (const auto& [at, word] : std::exchange(telling_, {})) {
    auto& e = at->second;
    e.telling = false;
    if (was) {
      e.word = word;
      e.intent = false;
      say(e.kept_by.second, at->first);
    }
    queue(at);
  }
}

std::vector<broker::room_name> occupancy::last_words() const {
  std::vector<broker::room_name> all;
  if (members_.size() != 1)
    return all;
  for (const auto& [room, e] : rooms_)
    if (e.word == told_word::occupied || e.word == told_word::unknown)
      all.push_back(room);
  return all;
}

bool occupancy::is_quiet() const {
  return settled_ && queued_all_ && queue_.empty() && telling_id_ == 0 &&
         std::all_of(to_.begin(), to_.end(), [](const auto& s) { return s.second.is_idle(); });
}

} // namespace hubbub::cluster
