#include "broker/room.hpp"

#include "broker/audience.hpp"

#include <algorithm>
#include <bit>

namespace hubbub::broker {
namespace {

// How long a room that is only published to goes on encoding for nobody.
constexpr std::chrono::seconds keep_tape{30};
// After a read of the log that failed.
constexpr std::chrono::milliseconds load_again{500};
// What waits while a room opens; beyond it joins are refused.
constexpr std::size_t most_waiting = 4096;

/// To a join whose connection has closed: nobody hears it, but the question is answered.
refusal left() { return {errc::not_joined, "left before the room could answer"}; }

} // namespace

room::room(room_name name, const policy& rules, std::uint64_t generation, room_surroundings around,
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
  } else if (feed_ && head.offset != position_.offset) {
    // Known from before the trouble: what was missed is read.
    position_.epoch = std::move(head.epoch);
    state_ = state::ready;
    return load(position_.offset, false);
  } else {
    position_ = std::move(head);
  }
  state_ = state::ready;
  serve_waiting();
}

void room::unavailable(refusal why) {
  state_ = state::unavailable;
  trouble_ = std::move(why);
  if (trouble_.retry_after_ms == 0)
    trouble_.retry_after_ms = 1000;
  for (auto& who : std::exchange(waiting_, {}))
    out_.on_join_refused(who.id, trouble_);
}

bool room::event_came(const stored_event_ptr& e) {
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
  if (loading_)
    missed_some_ = true;
  else
    load(position_.offset, false);
}

void room::append(const stored_event& e) {
  position_.offset = e.offset;
  if (feed_ && idle() && around_.time.now() - no_readers_since_ >= keep_tape)
    feed_.reset();
  if (!feed_)
    return;
  auto& frames = out_.frames();
  frames.begin(e, is_live());
  for (std::size_t f = 0; f < wire_formats; ++f) {
    const auto format = static_cast<wire_format>(f);
    if (auto* t = feed_->writable(format)) {
      const auto frame = frames.frame(format);
      t->append(frame, frames.info(format));
      unsent_ += frame.size();
    }
  }
  if (unsent_ >= rules_.tape_bytes / 4) {
    unsent_ = 0;
    if (readers_.loops() != 0 && !news_delayed_)
      out_.send_now(feed_);
  }
  if (rules_.batch.count() == 0)
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
  kept.previous = position_.offset;
  if (!readers_.has(kept.excluded))
    kept.excluded = {}; // nobody is kept from anything, and nothing needs to be counted for it
  kept.offset = position_.offset + 1;
  if (kept.time_ms == 0)
    kept.time_ms = around_.time.unix_ms();
  if (kept.event_id.empty())
    kept.event_id = std::to_string(generation_) + '-' + std::to_string(kept.offset);
  append(kept);
  interest_->broadcast(kept);
  out_.on_published(token, {{}, std::move(kept.event_id), false});
}

// -- joining ------------------------------------------------------------------

void room::join(join_request who) {
  if (state_ == state::unavailable)
    return out_.on_join_refused(who.id, trouble_);
  if (state_ == state::opening || loading_) {
    if (waiting_.size() >= most_waiting)
      return out_.on_join_refused(who.id,
                                  {errc::overloaded, "the room is opening and too many wait for it", 500});
    waiting_.push_back(std::move(who));
    return;
  }
  const auto looks_back =
      !is_live() && (who.history.value_or(0) > 0 || (who.since && who.since->epoch == position_.epoch &&
                                                     who.since->offset < position_.offset));
  if (!feed_) {
    open_feed();
    if (looks_back && position_.offset > 0) {
      // Others will come back too: fill the tape once rather than ask the log for each.
      waiting_.push_back(std::move(who));
      return load(0, true);
    }
  }
  place(std::move(who));
}

void room::serve_waiting() {
  for (auto& a : std::exchange(adopting_, {}))
    adopt(a.loop, std::move(a.readers));
  for (auto& who : std::exchange(waiting_, {}))
    join(std::move(who));
}

void room::place(join_request who) {
  if (who.since)
    return place_since(std::move(who));
  if (who.history.value_or(0) > 0 && !is_live())
    return place_history(std::move(who));
  answer(who, {position_.offset, {}, {}});
}

recovery room::recovery_of(const join_request& who) const noexcept {
  return {name_, rules_, *who.since, position_, who.whole_history, around_.time.unix_ms()};
}

void room::place_since(join_request who) {
  if (is_live()) // nothing is kept, so nothing can be shown to be complete
    return answer(who, {position_.offset, false, gap{name_, who.since->offset, std::nullopt}});
  const auto rules = recovery_of(who);
  if (auto there = rules.on_tape(feed_->of(wire_format::websocket).look()))
    return answer(who, std::move(*there));
  auto what = rules.question();
  ask_log(std::move(who), std::move(what), &room::since_in_log);
}

bool room::is_ahead(const join_request& who, const read_result& said) const noexcept {
  if (!said.events.empty() && said.events.front()->offset > position_.offset)
    return true;
  return who.since && who.since->epoch == position_.epoch && who.since->offset > position_.offset &&
         who.since->offset <= said.head.offset;
}

void room::since_in_log(const join_request& who, const read_result& r) {
  answer(who, recovery_of(who).in_log(r));
}

void room::place_history(join_request who) {
  const auto n = std::min(*who.history, rules_.history_size);
  const auto view = feed_->of(wire_format::websocket).look();
  if (const auto at = view.last(n))
    return answer(who,
                  {view.not_before(*at, around_.time.unix_ms() - rules_.history_age.count()).offset, {}, {}});
  read_request what{name_, 0, 0, n};
  what.newest = true;
  what.offsets_only = true;
  ask_log(std::move(who), std::move(what), &room::history_in_log);
}

void room::history_in_log(const join_request& who, const read_result& r) {
  answer(who, {r.events.empty() ? position_.offset : r.events.front()->offset - 1, {}, {}});
}

void room::ask_log(join_request who, read_request what,
                   void (room::*then)(const join_request&, const read_result&)) {
  asking_.push_back(who.session);
  out_.read(std::move(what), [this, who = std::move(who), then](const read_result& r) {
    if (std::erase(asking_, who.session) == 0)
      return out_.on_join_refused(who.id, left());
    if (r.why.code != errc::ok)
      return out_.on_join_refused(who.id, r.why);
    if (is_ahead(who, r) && !load_failed_) {
      missed();
      return join(who);
    }
    (this->*then)(who, r);
  });
}

void room::answer(const join_request& who, starting_point there) {
  if (readers_.has(who.session))
    return out_.on_join_refused(who.id, {errc::already_joined, "the room is joined already"});
  seat(who.session, who.loop, who.format, who.presence, who.user, who.user_info, who.info);
  join_answer a;
  a.from = feed_;
  a.hole = std::move(there.hole);
  a.what.room = name_;
  a.what.recovered = there.recovered;
  if (is_live()) {
    // A live room has no positions: its offsets are the tape's own.
    a.what.position.epoch = position_.epoch;
  } else {
    a.what.position = {position_.epoch, there.offset};
    a.what.head = position_.offset;
  }
  const auto found = feed_->of(who.format).look().find(there.offset);
  a.at = found ? *found : cursor{audience::off_tape, there.offset};
  if (who.presence && roster_) {
    const auto view = roster_->view();
    a.what.count = view->count();
    a.what.members = view->members();
    a.presence_version = view->version();
  }
  out_.on_joined(who.id, std::move(a));
}

void room::seat(session_id who, std::uint32_t loop, wire_format format, bool presence, std::string_view user,
                std::string_view user_info, std::string_view info) {
  if (format == wire_format::websocket_deflate && rules_.deflate && !feed_->writable(format))
    feed_->add(format, around_.budget, position_.offset);
  readers_.add(who, loop, presence);
  for_each_tape([who](tape& t) { t.expect(who); });
  if (rules_.presence == presence_mode::off)
    return;
  if (!roster_)
    // Versions of an earlier life of this room were lower.
    roster_ = std::make_unique<roster>(name_, rules_, generation_);
  roster_->enter(who, user, user_info, info, around_.time.now());
  presence_changed();
}

void room::leave(session_id who) {
  std::erase(asking_, who);
  for (std::size_t i = 0; i < waiting_.size();) {
    if (waiting_[i].session != who) {
      ++i;
      continue;
    }
    const auto id = waiting_[i].id;
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    out_.on_join_refused(id, left());
  }
  for (auto& a : adopting_)
    std::erase_if(a.readers, [&](const adopted_reader& r) { return r.session == who; });
  if (!readers_.remove(who))
    return;
  if (readers_.empty())
    no_readers_since_ = around_.time.now();
  for_each_tape([who](tape& t) { t.forget(who); });
  if (roster_) {
    roster_->leave(who, around_.time.now());
    presence_changed();
  }
}

void room::adopt(std::uint32_t loop, std::vector<adopted_reader> readers) {
  if (state_ != state::ready || loading_) {
    adopting_.push_back({loop, std::move(readers)});
    return;
  }
  if (!feed_) {
    open_feed();
    if (!is_live() && position_.offset > 0) {
      adopting_.push_back({loop, std::move(readers)});
      return load(0, true);
    }
  }
  for (auto& r : readers)
    if (!readers_.has(r.session))
      seat(r.session, loop, r.format, r.presence, r.user, r.user_info, r.info);
  out_.on_adopted(loop, feed_);
}

// -- the tape -----------------------------------------------------------------

void room::open_feed() {
  make_feed(position_.offset);
  readers_.open(around_.loops);
}

void room::make_feed(std::uint64_t after) {
  feed_ = std::make_shared<feed>(name_, rules_, around_.loops, around_.budget, after,
                                 feed_serial{generation_, ++feeds_});
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

void room::loaded(read_result r) {
  loading_ = false;
  if (r.why.code != errc::ok) {
    // The tape stays as it is, so that no reader passes over what could not be read: asked again soon.
    load_failed_ = true;
    out_.delay_tick(load_again);
    return serve_waiting();
  }
  const auto fresh = feed_ && readers_.empty();
  if (!r.events.empty()) {
    if (fresh) // the tape begins before what was read, not at the position that was known
      make_feed(r.events.front()->offset - 1);
    else if (feed_ && !r.complete) // the log has given up what would come next: the readers are to be told
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

// -- presence and time ----------------------------------------------------------

bool room::update(session_id who, std::string_view info) {
  if (!readers_.has(who))
    return false;
  if (roster_ && roster_->update(who, info))
    presence_changed();
  return true;
}

member_page room::members(std::uint32_t limit, std::string_view after) {
  return roster_ ? roster_->view()->page(limit, after) : member_page{};
}

void room::presence_changed() {
  if (!std::exchange(tick_delayed_, true))
    out_.delay_tick(roster_->interval());
}

void room::tick() {
  tick_delayed_ = false;
  if (std::exchange(load_failed_, false) && !loading_)
    load(position_.offset, false);
  if (!roster_)
    return;
  const auto now = around_.time.now();
  const auto next = roster_->expire(now);
  if (readers_.presence_loops() != 0 && roster_->version() != presence_shown_) {
    presence_shown_ = roster_->version();
    feed_->show(roster_->view());
    out_.tell_presence(feed_, readers_.presence_loops());
  }
  if (next) {
    tick_delayed_ = true;
    const auto wait = std::chrono::ceil<milliseconds>(*next - now);
    out_.delay_tick(std::max(wait, roster_->interval()));
  }
}

bool room::idle() const noexcept {
  return readers_.empty() && waiting_.empty() && asking_.empty() && adopting_.empty() && !loading_;
}

bool room::may_end(milliseconds patience) const {
  if (!idle())
    return false;
  if (roster_ && roster_->count() > 0)
    return false;
  return around_.time.now() - no_readers_since_ >= patience;
}

} // namespace hubbub::broker
