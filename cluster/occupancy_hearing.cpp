#include "cluster/occupancy.hpp"

#include "cluster/presence_message.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {

using broker::owner_id;

void occupancy::hear(const occupancy_message& m, broker::steady_time now) {
  const auto from = from_.find(m.owner);
  if (from == from_.end())
    return; // it does not count yet, or not any more; it says so again
  auto& in = from->second;
  if (m.number < in.number)
    return; // it was overtaken, and what it said was said again
  if (m.number > in.number) {
    if (m.begin) {
      in.begun = true;
      ++in.generation;
      in.complete = in.swept = false;
      if (std::exchange(in.found_again, m.found_again) != m.found_again)
        doubt_all();
    } else if (!in.begun || m.view != in.view) {
      outgoing_.push_back({m.owner, occupancy_heard{self_, view_, m.number, true}});
      return;
    }
    in.number = m.number;
    in.view = m.view;
    in.settled_view = m.settled ? m.view : 0;
    if (m.begin && m.view != view_)
      in.completed_view = 0;
    for (const auto& s : m.rooms)
      take(m.owner, in, s);
    in.complete = in.complete || m.complete;
    if (in.complete && in.view == view_)
      in.completed_view = view_;
    agree(now);
  }
  outgoing_.push_back({m.owner, occupancy_heard{self_, view_, m.number, false}});
}

void occupancy::take(owner_id from, const heard_from& in, const room_statement& s) {
  auto at = rooms_.find(s.room);
  if (at == rooms_.end()) {
    // Until it is settled somebody may hold something else, and then it counts that it was vacated.
    const auto matters = s.told == told_word::vacated ? !settled_ : s.told != told_word::nothing;
    if (!s.here && !s.changed && !matters)
      return;
    at = obtain(s.room);
  }
  auto& e = at->second;
  const auto known =
      std::find_if(e.others.begin(), e.others.end(), [from](const auto& o) { return o.who == from; });
  if (s.here) {
    if (known != e.others.end()) {
      known->generation = in.generation;
    } else {
      e.others.push_back({from, in.generation});
      if (is_first(e))
        queue(at);
    }
  } else if (known != e.others.end()) {
    e.others.erase(known);
    if (e.others.empty())
      e.others.shrink_to_fit();
    if (!is_occupied(e) && (is_first(e) || s.changed))
      emptied(at);
  } else if (s.changed && !is_occupied(e)) {
    emptied(at);
  }
  if (s.told != told_word::nothing)
    take_word(at, from, in, s.told);
  if (!e.queued)
    drop_if_done(at);
}

void occupancy::take_word(place at, owner_id from, const heard_from& in, told_word word) {
  auto& e = at->second;
  if (e.word == word)
    return;
  const auto of_view = in.view == view_;
  if (of_view && e.kept_by.first == from) {
    // It is the only one that tells. What was told before, it has heard of us, or has yet to hear.
    if (e.kept_by.second == self_ && (in.settled_view == view_ || to_.at(from).said_all())) {
      e.word = word;
      return;
    }
  } else if (of_view) {
    // What others know of former times counts once, and only until the first keeper has heard it.
    const auto first = from_.find(e.kept_by.first);
    if (in.completed_view == view_ || (first != from_.end() && first->second.settled_view == view_))
      return;
  }
  // Two words, or one after we have told that it is vacated, or nothing: what was told since by somebody
  // else, we cannot know.
  if (e.word != told_word::nothing ||
      (is_first(e) && word != told_word::vacated && has_told_before(at->first))) {
    e.word = told_word::unknown;
  } else {
    e.word = word;
    e.word_view = of_view ? 0 : in.view;
  }
  if (is_first(e))
    queue(at);
}

bool occupancy::has_told_before(const broker::room_name& room) const {
  return keepers_of(key_of(room), decided_among_).first == self_;
}

void occupancy::hear(const occupancy_heard& m, broker::steady_time now) {
  const auto to = to_.find(m.owner);
  if (to == to_.end())
    return;
  auto& stream = to->second;
  if (m.again) {
    // One that takes others for alive than we do has to hear of them first, or we have.
    if ((m.number != 0 && m.number == stream.on_its_way()) ||
        (m.number == 0 && m.view == view_ && stream.is_idle()))
      stream.restart();
  } else {
    statement_stream::rooms of;
    if (!stream.heard(m.number, of))
      return;
    for (const auto& room : of) {
      const auto at = rooms_.find(room);
      if (at == rooms_.end() || stream.owes(room))
        continue;
      auto& e = at->second;
      if (e.kept_by.first == m.owner)
        e.owes = false;
      if (is_first(e) && e.kept_by.second == m.owner && e.intent)
        queue(at);
      else
        drop_if_done(at);
    }
  }
  speak(m.owner, now);
}

} // namespace hubbub::cluster
