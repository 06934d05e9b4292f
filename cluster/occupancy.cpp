#include "cluster/occupancy.hpp"

#include "cluster/presence_message.hpp"

#include <algorithm>

namespace hubbub::cluster {
namespace {

using broker::owner_id;
using broker::room_name;

// A statement takes so much beside its room's name.
constexpr std::size_t statement_bytes = 48;
// Of so many nodes that were gone it is known that they come again.
constexpr std::size_t most_lost = 1'000;

std::uint64_t view_of(const std::vector<owner_id>& members) {
  std::uint64_t view = 0;
  for (const auto m : members)
    view = scattered(view ^ m);
  return view;
}

} // namespace

// -- rooms ---------------------------------------------------------------------------

occupancy::place occupancy::obtain(const room_name& room) {
  const auto [at, fresh] = rooms_.try_emplace(room);
  if (fresh) {
    at->second.kept_by = keepers_of(key_of(room), members_);
    if (!keeps(at->second))
      tidied_ = false;
  }
  return at;
}

void occupancy::set(const room_name& room, bool here) {
  if (!here && !rooms_.contains(room))
    return;
  const auto at = obtain(room);
  auto& e = at->second;
  if (e.here == here)
    return;
  e.here = here;
  if (!is_first(e)) {
    e.owes = true;
    say(e.kept_by.first, room);
  } else if (is_occupied(e)) {
    queue(at);
  } else {
    emptied(at);
  }
}

void occupancy::emptied(place at) {
  if (at->second.word != told_word::occupied)
    at->second.blip = true;
  queue(at);
}

void occupancy::queue(place at) {
  if (!std::exchange(at->second.queued, true))
    queue_.push_back(at);
}

void occupancy::say(owner_id to, const room_name& room) {
  if (const auto it = to_.find(to); it != to_.end())
    it->second.add(room);
}

bool occupancy::owes(owner_id to, const room_name& room) const {
  const auto it = to_.find(to);
  return it != to_.end() && it->second.owes(room);
}

void occupancy::drop_if_done(place at) {
  const auto& [room, e] = *at;
  if (e.here || e.owes || !e.others.empty() || e.blip || e.intent || e.telling || e.queued)
    return;
  if (e.word == told_word::occupied || e.word == told_word::unknown)
    return;
  // Somebody who holds something else of it has yet to say so, or to hear.
  if (e.word == told_word::vacated &&
      (!settled_ || owes(e.kept_by.first, room) || owes(e.kept_by.second, room)))
    return;
  rooms_.erase(at);
}

// -- nodes ---------------------------------------------------------------------------

bool occupancy::is_member(owner_id who) const {
  return std::binary_search(members_.begin(), members_.end(), who);
}

void occupancy::members(std::vector<owner_id> all, broker::steady_time now) {
  if (all == members_)
    return;
  bool was_cut = false;
  for (const auto m : all)
    if (!is_member(m) && lost_.erase(m) != 0) {
      was_cut = true;
      found_again_[m] = ++numbers_;
    }
  const auto before = std::exchange(members_, std::move(all));
  for (const auto m : before) {
    if (is_member(m))
      continue;
    to_.erase(m);
    from_.erase(m);
    found_again_.erase(m);
    if (lost_.size() >= most_lost)
      lost_.erase(lost_.begin());
    lost_.insert(m);
  }
  view_ = view_of(members_);
  view_since_ = unsettled_since_ = now;
  settled_ = queued_all_ = tidied_ = false;
  // Whether it was told or not, what the first keeper knows is `unknown`.
  telling_id_ = 0;
  batch_.reset();
  for (const auto& [at, _] : std::exchange(telling_, {}))
    at->second.telling = false;

  for (auto at = rooms_.begin(); at != rooms_.end(); ++at) {
    auto& [room, e] = *at;
    const auto was_occupied = is_first(e) && is_occupied(e);
    std::erase_if(e.others, [this](const auto& o) { return !is_member(o.who); });
    if (was_occupied && !is_occupied(e))
      emptied(at);
    // Others have kept it, and may have told something; they have not said yet that they heard our word.
    if (!keeps(e) && e.word != told_word::nothing && e.word_view != view_)
      e.word = told_word::unknown;
    e.word_view = 0;
    e.kept_by = keepers_of(key_of(room), members_);
    if (is_first(e)) {
      if (std::exchange(e.owes, false) && !is_occupied(e))
        emptied(at);
    } else {
      e.owes = std::exchange(e.blip, false) || e.owes;
      e.intent = false;
    }
  }
  if (was_cut)
    doubt_all();
  for (const auto m : members_) {
    if (m == self_)
      continue;
    to_[m].restart();
    from_.try_emplace(m);
  }
  agree(now);
}

void occupancy::doubt_all() {
  for (auto at = rooms_.begin(); at != rooms_.end(); ++at) {
    auto& e = at->second;
    if (e.word == told_word::nothing)
      continue;
    e.word = told_word::unknown;
    if (is_first(e))
      queue(at);
  }
}

void occupancy::agree(broker::steady_time now) {
  bool all = true;
  for (auto& [who, in] : from_) {
    if (!in.complete || in.view != view_) {
      all = false;
      continue;
    }
    if (!std::exchange(in.swept, true))
      sweep(who, in);
  }
  if (settled_ && !all)
    unsettled_since_ = now;
  if (!settled_ && all)
    queued_all_ = false;
  settled_ = all;
}

void occupancy::sweep(owner_id who, const heard_from& in) {
  for (auto at = rooms_.begin(); at != rooms_.end();) {
    const auto here = at++;
    auto& e = here->second;
    const auto gone =
        std::erase_if(e.others, [&](const auto& o) { return o.who == who && o.generation != in.generation; });
    if (gone == 0)
      continue;
    if (is_first(e) && !is_occupied(e))
      emptied(here);
    else
      drop_if_done(here);
  }
}

void occupancy::tidy() {
  if (tidied_ || !settled_ ||
      !std::all_of(to_.begin(), to_.end(), [](const auto& s) { return s.second.said_all(); }))
    return;
  tidied_ = true;
  // Whoever keeps them now has heard of them, and tells.
  for (auto at = rooms_.begin(); at != rooms_.end();) {
    const auto here = at++;
    auto& e = here->second;
    if (!keeps(e) && !e.queued) {
      e.word = told_word::nothing;
      e.blip = false;
    }
    drop_if_done(here);
  }
}

// -- what is said --------------------------------------------------------------------

room_statement occupancy::statement(const room_name& room, const entry* e, owner_id to,
                                    bool everything) const {
  room_statement s;
  s.room = room;
  if (e == nullptr) {
    if (keepers_of(key_of(room), members_).first == self_)
      s.told = told_word::vacated;
    return s;
  }
  if (e->kept_by.first == to) {
    s.here = e->here;
    s.changed = !e->here && e->owes;
  } else if (e->kept_by.second != to) {
    return s;
  }
  if (everything || is_first(*e))
    s.told = e->intent ? told_word::unknown : e->word;
  // It may hold something else.
  if (is_first(*e) && s.told == told_word::nothing)
    s.told = told_word::vacated;
  return s;
}

void occupancy::speak(owner_id to, broker::steady_time now) {
  auto& stream = to_.at(to);
  if (!stream.may_speak(now, options_.pace, options_.say_again, options_.lease / 2))
    return;
  const auto everything = !stream.said_all();
  occupancy_message m;
  m.owner = self_;
  m.view = view_;
  m.number = ++numbers_;
  if (const auto it = found_again_.find(to); it != found_again_.end())
    m.found_again = it->second;
  m.begin = stream.begins();
  m.settled = settled_;
  statement_stream::rooms of;
  std::size_t bytes = 0;
  const auto put = [&](const room_name& room, const entry* e) {
    auto s = statement(room, e, to, everything);
    if (!s.here && !s.changed && s.told == told_word::nothing)
      return;
    bytes += statement_bytes + room.str().size();
    m.rooms.push_back(std::move(s));
    of.insert(room);
  };
  for (room_name room; bytes < options_.message_bytes && stream.take_changed(room);) {
    const auto at = rooms_.find(room);
    put(room, at == rooms_.end() ? nullptr : &at->second);
  }
  if (const auto* behind = stream.walks_behind()) {
    auto at = rooms_.upper_bound(*behind);
    for (; at != rooms_.end() && bytes < options_.message_bytes; ++at) {
      const auto& [room, e] = *at;
      if ((e.kept_by.first == to && (e.here || e.owes)) ||
          (e.word != told_word::nothing && (e.kept_by.first == to || e.kept_by.second == to)) ||
          (e.intent && e.kept_by.second == to))
        put(room, &e);
      stream.walked(room);
    }
    if (at == rooms_.end())
      stream.walked_all();
  }
  m.complete = stream.is_complete();
  stream.sent(m.number, std::move(of), now);
  outgoing_.push_back({to, std::move(m)});
}

void occupancy::remind(broker::steady_time now) {
  for (auto& [who, in] : from_) {
    if (in.complete && in.view == view_)
      continue;
    if (now - std::max(view_since_, in.reminded) < options_.remind)
      continue;
    in.reminded = now;
    outgoing_.push_back({who, occupancy_heard{self_, view_, 0, true}});
  }
}

void occupancy::tick(broker::steady_time now, bool may_tell) {
  for (auto& [to, _] : to_)
    speak(to, now);
  remind(now);
  for (; !notes_due_.empty() && notes_due_.front().first <= now; notes_due_.pop_front())
    if (const auto at = rooms_.find(notes_due_.front().second); at != rooms_.end() && at->second.intent)
      queue(at);
  if (may_tell && (settled_ || now - unsettled_since_ >= options_.lease))
    decide_all(now);
  tidy();
}

} // namespace hubbub::cluster
