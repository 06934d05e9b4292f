#include "broker/room.hpp"

#include <algorithm>
#include <bit>

namespace hubbub::broker {
namespace {

// How long a room that is only published to goes on encoding for nobody.
constexpr std::chrono::seconds keep_tape{30};
// After a read of the log that failed.
constexpr std::chrono::milliseconds log_patience{500};
// No reader has missed more at once; what a broken node says must not turn offsets round.
constexpr std::uint64_t most_lost_at_once = UINT32_MAX;

} // namespace

room::room(room_name name, const policy& rules, std::uint64_t generation, const room_surroundings& around,
           room_output& out)
    : name_{std::move(name)},
      rules_{rules},
      around_{around},
      out_{out},
      generation_{generation},
      no_readers_since_{around.time.now()} {}

room::~room() = default;

// -- the bus ------------------------------------------------------------------

void room::ready(stream_position head) {
  if (is_live()) {
    position_.epoch = std::move(head.epoch);
  } else if (feed_ && head.epoch != position_.epoch) {
    return began_anew(std::move(head));
  } else if (feed_ && head.offset != position_.offset) {
    // Known from before the trouble: what was missed is read.
    state_ = state::ready;
    trouble_.reset();
    return load(position_.offset, false);
  } else {
    position_ = std::move(head);
  }
  state_ = state::ready;
  trouble_.reset();
  serve_waiting();
}

void room::began_anew(stream_position head) {
  position_ = std::move(head);
  state_ = state::ready;
  trouble_.reset();
  if (feed_ && !is_live())
    renew_feed(position_.offset);
  if (!loading_)
    serve_waiting();
}

void room::unavailable(refusal why) {
  state_ = state::unavailable;
  if (why.retry_after_ms == 0)
    why.retry_after_ms = 1000;
  trouble_ = std::make_unique<const refusal>(std::move(why));
  if (!waiting_)
    return;
  for (auto& who : std::exchange(waiting_->joins, {}))
    out_.on_join_refused(who.id, *trouble_);
  served();
}

bool room::event_came(const stored_event_ptr& e) {
  if (is_live()) {
    append_live(stored_event{*e});
    return true;
  }
  if (e->offset <= position_.offset)
    return true;
  if (loading_ || load_failed_) {
    missed_some_ = true;
    return false;
  }
  if (e->previous > position_.offset) {
    load(position_.offset, false);
    return false;
  }
  append(*e);
  return true;
}

void room::missed() {
  if (is_live())
    return; // nobody has it any more
  if (loading_)
    missed_some_ = true;
  else
    load(position_.offset, false);
}

void room::lost(std::uint64_t count) {
  if (!is_live() || !feed_ || readers_.empty())
    return;
  // In its place among the events, for all readers: a frame on the tape, as an event is. It has the place of
  // as many events as it stands for, or those who are overtaken by it would be told of too few.
  count = std::min(count, most_lost_at_once);
  position_.offset += count;
  auto& frames = out_.frames();
  frames.begin_dropped(name_, count, position_.offset, around_.time.unix_ms());
  append_frames(frames);
}

void room::append(const stored_event& e) {
  position_.offset = e.offset;
  if (feed_ && idle() && around_.time.now() - no_readers_since_ >= keep_tape)
    feed_.reset();
  if (!feed_)
    return;
  auto& frames = out_.frames();
  frames.begin(e, is_live());
  append_frames(frames);
}

void room::append_frames(frame_maker& frames) {
  for (std::size_t f = 0; f < wire_formats; ++f) {
    const auto format = static_cast<wire_format>(f);
    if (auto* t = feed_->writable(format)) {
      const auto frame = frames.frame(format);
      t->append(frame, frames.info(format));
      unsent_ += frame.size();
    }
  }
  // Whoever reads as fast as the room speaks is not to be overtaken, not even for a batch.
  const auto half_written = unsent_ >= rules_.tape_bytes / 2;
  if (half_written) {
    unsent_ = 0;
    if (readers_.loops() != 0)
      out_.send_now(feed_);
  }
  if (half_written || rules_.batch.count() == 0)
    flush_news();
  else if (!std::exchange(news_delayed_, true))
    out_.delay_news(rules_.batch);
}

void room::flush_news() {
  news_delayed_ = false;
  if (!feed_ || readers_.loops() == 0)
    return;
  if (const auto untold = feed_->mark_news(readers_.loops()))
    out_.tell_news(feed_, untold);
}

// -- publishing ---------------------------------------------------------------

void room::publish(publish_token token, event e) {
  if (!is_live())
    return interest_->publish(token, std::move(e));
  stored_event kept;
  static_cast<event&>(kept) = std::move(e);
  if (kept.time_ms == 0)
    kept.time_ms = around_.time.unix_ms();
  if (kept.event_id.empty())
    kept.event_id = std::to_string(around_.salt + generation_) + '-' + std::to_string(position_.offset + 1);
  interest_->broadcast(kept);
  auto id = kept.event_id;
  append_live(std::move(kept));
  out_.on_published(token, {{}, std::move(id), false});
}

void room::append_live(stored_event e) {
  // A live room's offsets are its own on each node: they only count what its readers have had.
  e.previous = position_.offset;
  e.offset = position_.offset + 1;
  if (!readers_.has(e.excluded))
    e.excluded = {}; // nobody is kept from anything, and nothing needs to be counted for it
  append(e);
}

// -- the tape -----------------------------------------------------------------

void room::open_feed() { make_feed(position_.offset); }

void room::make_feed(std::uint64_t after) {
  presence_shown_ = 0; // on this one nothing is, whatever the one before showed
  feed_ =
      std::make_shared<feed>(name_, rules_, around_.loops, around_.budget, after,
                             feed_serial{generation_, ++feeds_}, is_live() ? std::string{} : position_.epoch);
}

void room::renew_feed(std::uint64_t after) {
  const auto old = std::move(feed_);
  make_feed(after);
  for (std::size_t f = 1; f < wire_formats; ++f)
    if (old->writable(static_cast<wire_format>(f)))
      feed_->add(static_cast<wire_format>(f), around_.budget, after);
  feed_->show(old->presence());
  old->replace(feed_);
  for (auto loops = readers_.loops(); loops != 0; loops &= loops - 1)
    out_.on_adopted(static_cast<std::uint32_t>(std::countr_zero(loops)), feed_);
}

void room::load(std::uint64_t after, bool newest) {
  loading_ = true;
  missed_some_ = false;
  read_request what{name_, after, 0, UINT32_MAX};
  what.newest = newest;
  what.limit_bytes = std::max<std::size_t>(rules_.tape_bytes / 2, 1);
  out_.read(std::move(what), [this](read_result r) { loaded(std::move(r)); });
}

void room::mind_log_later() {
  if (!std::exchange(log_delayed_, true))
    out_.delay_log(log_patience);
}

void room::mind_log() {
  log_delayed_ = false;
  if (std::exchange(load_failed_, false) && !loading_)
    load(position_.offset, false);
  if (!waiting_)
    return;
  if (!waiting_->asking.forget_old(around_.time.now()))
    mind_log_later();
  served();
}

void room::loaded(read_result r) {
  loading_ = false;
  if (r.why.code != errc::ok || r.head.epoch != position_.epoch) {
    // The tape stays as it is, so that no reader passes over what could not be read, or is of another life of
    // the log: asked again soon.
    load_failed_ = true;
    mind_log_later();
    return serve_waiting();
  }
  const auto fresh = feed_ && readers_.empty();
  if (!r.events.empty()) {
    if (fresh) { // the tapes begin before what was read, not at the position that was known
      make_feed(r.events.front()->offset - 1);
      if (rules_.deflate && is_awaited_in(wire_format::websocket_deflate))
        feed_->add(wire_format::websocket_deflate, around_.budget, r.events.front()->offset - 1);
    } else if (feed_ && !r.complete) // the log has given up what would come next: the readers are to be told
      renew_feed(r.events.front()->offset - 1);
    const auto known = fresh ? 0 : position_.offset;
    for (const auto& e : r.events)
      if (e->offset > known)
        append(*e);
  }
  if (missed_some_ || (r.more && !fresh))
    return load(position_.offset, false);
  serve_waiting();
}

bool room::is_awaited_in(wire_format f) const noexcept {
  if (!waiting_)
    return false;
  const auto wants = [f](const auto& one) { return one.format == f; };
  return std::ranges::any_of(waiting_->joins, wants) ||
         std::ranges::any_of(waiting_->adoptions,
                             [&](const adoption& a) { return std::ranges::any_of(a.readers, wants); });
}

// -- its end ------------------------------------------------------------------

bool room::idle() const noexcept {
  if (!readers_.empty() || loading_)
    return false;
  return !waiting_ || (waiting_->joins.empty() && waiting_->asking.empty() && waiting_->adoptions.empty() &&
                       waiting_->members.empty());
}

void room::served() noexcept {
  if (waiting_ && waiting_->joins.empty() && waiting_->adoptions.empty() && waiting_->members.empty() &&
      waiting_->asking.blank())
    waiting_.reset();
}

bool room::may_end(milliseconds patience) const {
  if (!idle())
    return false;
  if (roster_ && roster_->own_count() > 0)
    return false;
  return around_.time.now() - no_readers_since_ >= patience;
}

} // namespace hubbub::broker
