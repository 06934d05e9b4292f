#include "broker/delivery.hpp"

#include "broker/protocol.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::broker {
namespace {

// One sendmsg takes at most so many pieces; only excluded frames and many segments make more than a few.
constexpr std::size_t most_slices = 64;
// How many seats ahead the walk asks the memory for; a connection is two cache misses away.
constexpr std::size_t prefetch_ahead = 6;
// Tapes as they were seen for those in several rooms.
constexpr std::size_t looks_searched = 8;
constexpr std::size_t most_looks = 64;

} // namespace

bool delivery::walk(audience& a, bool alone, std::vector<recipient*>& marked, std::size_t most) {
  while (a.left() > 0 && most > 0)
    a.visited(walk_run(a.next_run(), a.from(), alone, marked, most));
  return a.left() == 0;
}

std::size_t delivery::walk_run(const audience::run& run, feed& from, bool alone,
                               std::vector<recipient*>& marked, std::size_t& most) {
  const auto view = from.of(run.format).look();
  const auto head = view.head();
  const auto tail = view.tail();
  // Most readers stand at the same place, so what they get is found once.
  auto same_from = audience::off_tape;
  std::size_t same_total = 0;
  std::uint64_t same_frames = 0;
  const auto size = run.seats.size();
  std::size_t i = 0;
  for (; i < size && most > 0; ++i) {
    if (i + prefetch_ahead < size)
      __builtin_prefetch(run.seats[i + prefetch_ahead].wire);
    auto& s = run.seats[i];
    if (s.at.place >= head.place)
      continue;
    if (!alone && s.who->to->rooms > 1) {
      auto& to = *s.who->to;
      --most;
      if (to.with_news.empty())
        marked.push_back(&to);
      // Once, though its room may be in a turn's news twice: for an event, and for somebody who joined.
      if (!std::exchange(s.who->noted, true))
        to.with_news.push_back(s.who);
      continue;
    }
    if (s.wire->blocked())
      continue;
    --most;
    if (s.at.place < tail.place || view.hides_any(s.at.place)) {
      send(s, view);
      same_from = audience::off_tape; // the scratch was used
      continue;
    }
    if (s.at.place != same_from) {
      slices_.clear();
      places_.clear();
      same_from = s.at.place;
      same_total = view.slices(same_from, {}, slices_, places_);
      same_frames = view.count_from(same_from);
    }
    const auto gone = s.wire->write(slices_);
    ++counts_.writes;
    counts_.bytes += gone;
    if (gone == same_total) {
      counts_.frames += same_frames;
      s.at = head;
    } else {
      advance(s, view, gone, 0);
    }
  }
  return i;
}

void delivery::send_to(reader& r) {
  auto& s = r.in->seat_of(r);
  if (r.pulling) {
    if (!r.asked && !s.wire->blocked())
      log_.pull(r);
    return;
  }
  if (!s.wire->blocked())
    send(s, r.feed().of(r.to->format).look());
}

void delivery::drained(reader& r) {
  const auto& rules = r.feed().rules();
  if (rules.kind == room_kind::live && rules.when_overtaken == overflow::drop_newest) {
    auto& s = r.in->seat_of(r);
    const auto look = r.feed().of(r.to->format).look_overtaken(r.to->session, s.at.offset);
    if (s.at.place < look.view.head().place)
      skip(s, look.view.head(),
           look.excluded + look.view.hidden(look.view.tail().place, look.view.head().place, r.to->session));
    return;
  }
  send_to(r);
}

void delivery::gather(audience::seat& s, const tape_view& view) {
  view.slices(s.at.place, s.who->to->session, slices_, places_);
}

void delivery::send(audience::seat& s, const tape_view& view) {
  if (s.at.place < view.tail().place)
    return overtaken(s);
  while (s.at.place < view.head().place && !s.wire->blocked()) {
    slices_.clear();
    places_.clear();
    gather(s, view);
    auto end = view.head();
    if (slices_.size() > most_slices) {
      end = view.boundary_at(places_[most_slices]).at;
      slices_.resize(most_slices);
    }
    std::size_t total = 0;
    for (const auto& piece : slices_)
      total += piece.size();
    const auto gone = total == 0 ? 0 : s.wire->write(slices_);
    ++counts_.writes;
    counts_.bytes += gone;
    if (gone < total)
      return advance(s, view, gone, 0);
    const auto hidden = view.hidden(s.at.place, end.place, s.who->to->session);
    counts_.frames += view.count_from(s.at.place) - view.count_from(end.place) - hidden;
    s.who->excluded_passed += hidden;
    s.at = end;
  }
}

void delivery::send_marked(std::vector<recipient*>& marked) {
  for (auto* to : marked)
    send_marked(*to);
  marked.clear();
  looks_.clear();
}

std::size_t delivery::look_at(const tape& from) {
  // Neighbours are mostly in the same few rooms; who are in many others must not make it a long search.
  const auto first = looks_.size() - std::min(looks_.size(), looks_searched);
  for (auto i = looks_.size(); i > first; --i)
    if (looks_[i - 1].from == &from)
      return i - 1;
  looks_.push_back({&from, from.look()});
  return looks_.size() - 1;
}

void delivery::send_marked(recipient& to) {
  with_news_.clear();
  with_news_.swap(to.with_news);
  for (auto* r : with_news_)
    r->noted = false;
  if (looks_.size() > most_looks)
    looks_.clear();
  parts_.clear();
  for (auto* r : with_news_) {
    if (to.wire->blocked())
      break;
    auto& s = r->in->seat_of(*r);
    const auto at = look_at(r->feed().of(to.format));
    if (s.at.place < looks_[at].view.tail().place)
      overtaken(s);
    else
      parts_.push_back({&s, at, 0, 0});
  }
  slices_.clear();
  places_.clear();
  for (auto& p : parts_) {
    p.first = slices_.size();
    gather(*p.seat, looks_[p.look].view);
    for (auto i = p.first; i < slices_.size(); ++i)
      p.total += slices_[i].size();
  }
  if (to.wire->blocked())
    return;
  if (slices_.size() > most_slices) {
    for (auto& p : parts_)
      send(*p.seat, looks_[p.look].view);
    return;
  }
  auto gone = slices_.empty() ? 0 : to.wire->write(slices_);
  ++counts_.writes;
  counts_.bytes += gone;
  for (auto& p : parts_) {
    const auto& view = looks_[p.look].view;
    if (gone < p.total) {
      if (gone > 0)
        advance(*p.seat, view, gone, p.first);
      break;
    }
    gone -= p.total;
    const auto hidden = view.hidden(p.seat->at.place, view.head().place, to.session);
    counts_.frames += view.count_from(p.seat->at.place) - hidden;
    p.seat->who->excluded_passed += hidden;
    p.seat->at = view.head();
  }
}

void delivery::advance(audience::seat& s, const tape_view& view, std::size_t gone, std::size_t first) {
  if (gone == 0)
    return;
  auto i = first;
  while (gone > slices_[i].size())
    gone -= slices_[i++].size();
  const auto [at, rest] = view.boundary_at(places_[i] + gone);
  if (!rest.empty())
    s.wire->keep(rest);
  const auto hidden = view.hidden(s.at.place, at.place, s.who->to->session);
  counts_.frames += view.count_from(s.at.place) - view.count_from(at.place) - hidden;
  s.who->excluded_passed += hidden;
  s.at = at;
}

void delivery::overtaken(audience::seat& s) {
  ++counts_.overtaken;
  const auto& rules = s.who->feed().rules();
  if (rules.when_overtaken == overflow::disconnect) {
    s.wire->close({close_code::slow_consumer, "read more slowly than the room speaks"});
    return;
  }
  if (rules.kind == room_kind::live)
    return overtaken_live(s);
  s.at.place = audience::off_tape;
  s.who->pulling = true;
  if (!s.who->asked)
    log_.pull(*s.who);
}

void delivery::overtaken_live(audience::seat& s) {
  auto& r = *s.who;
  const auto look = r.feed().of(r.to->format).look_overtaken(r.to->session, s.at.offset);
  if (!look.newest.empty()) {
    if (r.overtaken_at == reader::no_offset)
      r.overtaken_at = s.at.offset;
    if (!send_conflated(s, look.newest))
      return; // its socket is full again; the rest when it drains
  }
  skip(s, look.view.tail(), look.excluded);
  send(s, look.view);
}

bool delivery::send_conflated(audience::seat& s, const std::vector<conflated>& newest) {
  auto& r = *s.who;
  for (const auto& c : newest) {
    if (s.wire->blocked())
      return false;
    if (c.excluded && c.excluded == r.to->session)
      continue;
    const std::string_view frame = c.frame;
    const auto gone = s.wire->write({&frame, 1});
    ++counts_.writes;
    counts_.bytes += gone;
    if (gone == 0)
      return false;
    if (gone < frame.size())
      s.wire->keep(frame.substr(gone));
    ++counts_.frames;
    ++r.conflated_sent;
    s.at.offset = c.offset;
  }
  return true;
}

void delivery::skip(audience::seat& s, cursor target, std::uint64_t excluded) {
  auto& r = *s.who;
  const auto from = r.overtaken_at == reader::no_offset ? s.at.offset : r.overtaken_at;
  // Offsets of a live room count its events. What was kept from a reader while its room was made anew may
  // not have been counted; better to tell of none than of more than there were.
  const auto passed = target.offset - from;
  const auto counted = passed - (excluded - r.excluded_passed) - r.conflated_sent;
  const auto dropped = counted <= passed ? counted : 0;
  r.excluded_passed = excluded;
  r.overtaken_at = reader::no_offset;
  r.conflated_sent = 0;
  s.at = target;
  if (dropped == 0)
    return;
  counts_.dropped += dropped;
  text_.clear();
  protocol::encode_dropped(text_, r.feed().room(), dropped);
  s.wire->control(text_);
}

bool delivery::send_chunk(reader& r, const segment& chunk) {
  auto& s = r.in->seat_of(r);
  const auto n = chunk.count();
  for (auto f = chunk.find_after(s.at.offset, n); f < n;) {
    if (s.wire->blocked())
      return false;
    // As many frames at once as stand together.
    auto end = f;
    while (end < n && chunk.info(end).excluded != r.to->session)
      ++end;
    if (end == f) { // kept from this session
      s.at.offset = chunk.info(f++).offset;
      continue;
    }
    const std::string_view piece{chunk.bytes() + chunk.begin(f), chunk.end(end - 1) - chunk.begin(f)};
    const auto gone = s.wire->write({&piece, 1});
    ++counts_.writes;
    counts_.bytes += gone;
    if (gone == 0)
      return false;
    const auto at = chunk.begin(f) + static_cast<std::uint32_t>(gone);
    const auto last = chunk.find_end(at, n);
    if (chunk.end(last) > at)
      s.wire->keep({chunk.bytes() + at, chunk.end(last) - at});
    counts_.frames += last + 1 - f;
    s.at.offset = chunk.info(last).offset;
    f = last + 1;
  }
  return true;
}

} // namespace hubbub::broker
