#include "actors/log_puller.hpp"

#include "actors/loop_unit.hpp"
#include "actors/node_metrics.hpp"
#include "broker/protocol.hpp"

#include <algorithm>
#include <iterator>

namespace hubbub::actors {
namespace {

std::uint64_t offset_of(broker::reader& r) { return r.in->seat_of(r).at.offset; }

broker::wire_format format_of(const broker::reader& r) {
  return r.feed().rules().deflate ? r.to->format : broker::wire_format::websocket;
}

/// Where a page ends: the last event that is on it, or the last there is.
std::uint64_t end_of(const broker::read_result& page) {
  return page.more && !page.events.empty() ? page.events.back()->offset : page.head.offset;
}

/// Does what came answer what `r` would have asked, and is its next event there?
bool reaches(const broker::read_result& came, std::uint64_t asked, broker::reader& r) {
  const auto offset = offset_of(r);
  if (offset == asked || came.why.code != broker::errc::ok || came.head.epoch != r.feed().epoch())
    return true; // all have the same trouble
  if (offset < asked || offset > end_of(came) || (came.more && offset == end_of(came)))
    return false;
  return came.is_whole_behind(offset, asked).has_value();
}

} // namespace

void log_puller::pull(broker::reader& r) {
  r.asked = true;
  auto& here = rooms_[r.feed().room()];
  const waiter w{&r};
  if (auto* p = page_for(here, w))
    return p->those.push_back(w);
  if (!here.pages.empty())
    return here.next.push_back(w);
  here.pages.push_back({offset_of(r), {w}});
  ask({r.feed().room(), offset_of(r)});
}

log_puller::page* log_puller::page_for(room_reads& here, const waiter& w) {
  const auto offset = offset_of(*w.who);
  const auto found = std::ranges::find_if(here.pages, [&](const page& p) {
    return p.after == offset || (!w.missed && p.after < offset && offset - p.after < here.span);
  });
  return found == here.pages.end() ? nullptr : &*found;
}

void log_puller::forget(broker::reader& r) {
  if (!r.asked)
    return;
  const auto is_it = [&](const waiter& w) { return w.who == &r; };
  if (const auto found = rooms_.find(r.feed().room()); found != rooms_.end()) {
    for (auto& p : found->second.pages)
      std::erase_if(p.those, is_it);
    std::erase_if(found->second.next, is_it);
  }
  std::erase(later_, &r);
  r.asked = false;
}

void log_puller::retry() {
  for (auto* r : std::exchange(later_, {})) {
    r->asked = false;
    at_.sender().send_to(*r);
  }
}

void log_puller::ask(place p) {
  if (reading_ < most_reads())
    start(std::move(p));
  else
    queue_.push_back(std::move(p));
}

void log_puller::start(place p) {
  ++reading_;
  node_.counts.log_pulls.add(at_.index());
  broker::read_request what{p.room, p.after, 0, UINT32_MAX};
  what.limit_bytes = read_bytes;
  // Always through the loop's inbox: what comes may not be sent from within a walk over the readers.
  node_.bus.read(std::move(what), [this, p = std::move(p)](broker::read_result r) mutable {
    at_.post([this, p = std::move(p), r = std::move(r)]() { came(p, r); });
  });
}

void log_puller::came(const place& p, const broker::read_result& r) {
  --reading_;
  if (!queue_.empty()) {
    auto next = std::move(queue_.front());
    queue_.erase(queue_.begin());
    start(std::move(next));
  }
  const auto found = rooms_.find(p.room);
  const auto those = take(found->second, p, r);
  if (found->second.pages.empty())
    rooms_.erase(found);
  // From here on they ask for more.
  for (std::size_t f = 0; f < broker::wire_formats; ++f)
    serve(those, static_cast<broker::wire_format>(f), p, r);
}

std::vector<broker::reader*> log_puller::take(room_reads& here, const place& p,
                                              const broker::read_result& r) {
  const auto asked = std::ranges::find(here.pages, p.after, &page::after);
  auto waiting = std::move(asked->those);
  here.pages.erase(asked);
  for (auto& w : waiting)
    w.missed = true; // unless it is served
  std::ranges::move(std::exchange(here.next, {}), std::back_inserter(waiting));
  if (r.why.code == broker::errc::ok)
    here.span = end_of(r) - std::min(end_of(r), p.after);
  std::vector<broker::reader*> served;
  std::vector<waiter> rest;
  for (const auto& w : waiting) {
    if (!w.who->pulling || w.who->in->seat_of(*w.who).wire->blocked())
      w.who->asked = false; // it is on the tape again; or it asks again when it drains
    else if (reaches(r, p.after, *w.who))
      served.push_back(w.who);
    else
      rest.push_back(w);
  }
  // Each page begins at the first who needs it.
  std::ranges::sort(rest, {}, [](const waiter& w) { return offset_of(*w.who); });
  for (const auto& w : rest) {
    if (auto* shared = page_for(here, w)) {
      shared->those.push_back(w);
      continue;
    }
    here.pages.push_back({offset_of(*w.who), {w}});
    ask({p.room, offset_of(*w.who)});
  }
  return served;
}

void log_puller::serve(const std::vector<broker::reader*>& those, broker::wire_format format, const place& p,
                       const broker::read_result& r) {
  const auto first = std::ranges::find(those, format, [](auto* reader) { return format_of(*reader); });
  if (first == those.end())
    return;
  std::size_t bytes = 0;
  for (const auto& e : r.events)
    bytes += broker::segment::cost(broker::most_frame_bytes(*e));
  const auto chunk = broker::segment::make(std::max<std::size_t>(bytes, 64), 0, p.after);
  auto& frames = at_.frames();
  // The log may be ahead of the room: what is not on the tape yet comes from there, and only from there.
  const auto head = (*first)->feed().of(format).look().head();
  for (const auto& e : r.events) {
    if (e->offset > head.offset)
      break;
    frames.begin(*e, false);
    if (!chunk->append(frames.frame(format), frames.info(format)))
      break; // the rest is read again
  }
  for (auto* reader : those)
    if (reader->asked && format_of(*reader) == format) {
      reader->asked = false;
      serve(*reader, r, *chunk);
    }
}

void log_puller::serve(broker::reader& r, const broker::read_result& from, const broker::segment& chunk) {
  auto& seat = r.in->seat_of(r);
  if (!r.pulling || seat.wire->blocked())
    return; // it is on the tape again; or it asks again when it drains
  const auto ask_later = [&] {
    r.asked = true;
    later_.push_back(&r);
  };
  if (from.why.code != broker::errc::ok) {
    ask_later();
    node_.log.limited(broker::log_level::warn, "rooms", "pull", "a reader's catching up waits for the log",
                      {{"room", r.feed().room().str()}, {"why", from.why.message}});
    return;
  }
  if (from.head.epoch != r.feed().epoch())
    return ask_later(); // the log began anew, and the room has not heard of it yet: its readers will be sent
                        // away
  if (!from.is_whole_behind(seat.at.offset, chunk.after()).value_or(true)) {
    broker::gap hole{r.feed().room(), seat.at.offset, std::nullopt};
    if (!from.events.empty())
      hole.to = from.events.front()->offset;
    auto& text = at_.text();
    broker::protocol::encode_gap(text, hole);
    seat.wire->control(text);
    seat.at.offset = hole.to ? *hole.to - 1 : from.head.offset;
  }
  const auto nothing = from.events.empty() || from.events.back()->offset <= seat.at.offset;
  const auto all = at_.sender().send_chunk(r, chunk);
  if (!all)
    return; // its socket is full
  if (!r.feed().settled(r.to->format))
    return ask_later(); // it was moved to a room made anew meanwhile, whose tape for it is not there yet
  const auto view = r.feed().of(r.to->format).look();
  if (seat.at.offset > view.head().offset) {
    if (!from.events.empty())
      return ask_later(); // the log gave up more than the room has seen, and what follows is still to come to
                          // it
    // The log has nothing of the room any more, and where rooms share its sequence the others' go on.
    // Whatever comes on the tape is news.
    seat.at = view.head();
  }
  if (const auto back = view.find(seat.at.offset)) {
    seat.at = *back;
    r.pulling = false;
  } else if (nothing && from.head.offset <= seat.at.offset) {
    return ask_later(); // the tape is ahead of the log's answer
  }
  at_.sender().send_to(r);
}

} // namespace hubbub::actors
