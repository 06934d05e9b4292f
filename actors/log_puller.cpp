#include "actors/log_puller.hpp"

#include "actors/loop_unit.hpp"
#include "actors/node_metrics.hpp"
#include "broker/protocol.hpp"

#include <algorithm>

namespace hubbub::actors {
void log_puller::pull(broker::reader& r) {
  const auto offset = r.in->seat_of(r).at.offset;
  const auto format = r.feed().rules().deflate ? r.to->format : broker::wire_format::websocket;
  position p{r.feed().room(), offset, format};
  r.asked = true;
  auto& those = waiting_[p];
  those.push_back(&r);
  if (those.size() > 1)
    return; // the read under way, or the one that is queued, serves it too
  if (reading_ < most_reads())
    start(p);
  else
    queue_.push_back(std::move(p));
}

void log_puller::forget(broker::reader& r) {
  if (!r.asked)
    return;
  for (auto& [p, those] : waiting_)
    if (p.room == r.feed().room())
      std::erase(those, &r);
  std::erase(later_, &r);
  r.asked = false;
}

void log_puller::retry() {
  for (auto* r : std::exchange(later_, {})) {
    r->asked = false;
    at_.sender().send_to(*r);
  }
}

void log_puller::start(const position& p) {
  ++reading_;
  node_.counts.log_pulls.add(at_.index());
  broker::read_request what{p.room, p.after, 0, UINT32_MAX};
  what.limit_bytes = read_bytes;
  // Always through the loop's inbox: what comes may not be sent from within a walk over the readers.
  node_.bus.read(std::move(what), [this, p = position{p}](broker::read_result r) mutable {
    at_.post([this, p = std::move(p), r = std::move(r)]() { came(p, r); });
  });
}

void log_puller::came(const position& p, const broker::read_result& r) {
  --reading_;
  auto found = waiting_.extract(p);
  if (!queue_.empty()) {
    const auto next = std::move(queue_.front());
    queue_.erase(queue_.begin());
    start(next);
  }
  if (!found || found.mapped().empty())
    return;
  std::size_t bytes = 0;
  for (const auto& e : r.events)
    bytes += broker::segment::cost(broker::most_frame_bytes(*e));
  const auto chunk = broker::segment::make(std::max<std::size_t>(bytes, 64), 0, p.after);
  auto& frames = at_.frames();
  // The log may be ahead of the room: what is not on the tape yet comes from there, and only from there.
  const auto head = found.mapped().front()->feed().of(p.format).look().head();
  for (const auto& e : r.events) {
    if (e->offset > head.offset)
      break;
    frames.begin(*e, false);
    if (!chunk->append(frames.frame(p.format), frames.info(p.format)))
      break; // the rest is read again
  }
  for (auto* reader : found.mapped()) {
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
  if (!from.complete) {
    broker::gap hole{r.feed().room(), seat.at.offset, std::nullopt};
    if (!from.events.empty())
      hole.to = from.events.front()->offset;
    auto& text = at_.text();
    broker::protocol::encode_gap(text, hole);
    seat.wire->control(text);
    seat.at.offset = hole.to ? *hole.to - 1 : from.head.offset;
  }
  const auto all = at_.sender().send_chunk(r, chunk);
  if (!all)
    return; // its socket is full
  const auto view = r.feed().of(r.to->format).look();
  if (seat.at.offset > view.head().offset)
    return ask_later(); // the log gave up more than the room has seen
  if (const auto back = view.find(seat.at.offset)) {
    seat.at = *back;
    r.pulling = false;
  } else if (from.events.empty() && from.head.offset <= seat.at.offset) {
    return ask_later(); // the tape is ahead of the log's answer
  }
  at_.sender().send_to(r);
}

} // namespace hubbub::actors
