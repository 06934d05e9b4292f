// How readers come and go.
#include "broker/audience.hpp"
#include "broker/room.hpp"

#include <algorithm>
#include <tuple>

namespace hubbub::broker {
namespace {

// What waits while a room opens, and for the log; beyond it joins are refused.
constexpr std::size_t most_waiting = 4096;

/// To a join whose connection has closed: nobody hears it, but the question is answered.
refusal left() { return {errc::not_joined, "left before the room could answer"}; }

} // namespace

void room::join(join_request who) {
  if (state_ == state::unavailable)
    return out_.on_join_refused(who.id, *trouble_);
  if (who.presence)
    open_roster();
  if (state_ == state::opening || loading_ || (who.presence && hears_first())) {
    auto& joins = waits().joins;
    if (joins.size() >= most_waiting)
      return out_.on_join_refused(who.id,
                                  {errc::overloaded, "the room is opening and too many wait for it", 500});
    joins.push_back(std::move(who));
    return;
  }
  const auto looks_back =
      !is_live() && (who.history.value_or(0) > 0 || (who.since && who.since->epoch == position_.epoch &&
                                                     who.since->offset < position_.offset));
  if (!feed_) {
    open_feed();
    if (looks_back && position_.offset > 0) {
      // Others will come back too: fill the tape once rather than ask the log for each.
      waits().joins.push_back(std::move(who));
      return load(0, true);
    }
  }
  place(std::move(who));
}

void room::serve_waiting() {
  if (!waiting_)
    return;
  for (auto& a : std::exchange(waiting_->adoptions, {}))
    adopt(a.loop, std::move(a.readers));
  auto waiting = std::exchange(waits().joins, {});
  // What is asked from the lowest position serves the others.
  std::ranges::stable_sort(waiting, {}, [](const join_request& j) { return j.since ? j.since->offset : 0; });
  for (auto& who : waiting)
    join(std::move(who));
  served();
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
  ask_log(std::move(who), std::move(what));
}

bool room::has_had_more(const join_request& who, const read_result& said) const noexcept {
  return who.since && who.since->epoch == position_.epoch && who.since->offset > position_.offset &&
         who.since->offset <= said.head.offset;
}

bool room::is_ahead(const join_request& who, const read_result& said) const noexcept {
  if (!said.events.empty() && said.events.front()->offset > position_.offset)
    return true;
  return has_had_more(who, said);
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
  ask_log(std::move(who), std::move(what));
}

void room::ask_log(join_request who, read_request what) {
  auto& asking = waits().asking;
  if (const auto* said = asking.said_to(who, what, position_, around_.time.now())) {
    std::ignore = log_said(who, what, log_questions::reach::same, *said); // it is the same question
    return;
  }
  if (asking.waiting() >= most_waiting)
    return out_.on_join_refused(who.id, {errc::overloaded, "the log is slow and too many wait for it", 500});
  const auto id = asking.add(std::move(who), what, position_);
  if (id != 0)
    read_for(id, std::move(what));
}

void room::read_for(std::uint64_t question, read_request what) {
  out_.read(std::move(what), [this, question](const read_result& r) {
    auto asked = waits().asking.take(question);
    if (waits().asking.keep(asked, r, position_, around_.time.now()))
      mind_log_later();
    std::vector<join_request> open;
    for (auto& who : asked.those)
      if (!log_said(who, asked.what, asked.serves, r))
        open.push_back(std::move(who));
    if (!open.empty())
      ask_around(asked, std::move(open));
    // The first of them asks, and the others stand behind it.
    for (auto& who : asked.next)
      join(std::move(who));
    served();
  });
}

void room::ask_around(const log_questions::question& asked, std::vector<join_request> those) {
  // They stand before the first event that is there. Mostly all have missed something, which the last of them
  // tells; where it has not, the boundary is looked for by halves.
  const auto place = [](const join_request& j) { return j.since->offset; };
  const auto one = asked.serves == log_questions::reach::around ? those.size() / 2 : those.size() - 1;
  const auto at = those.begin() + static_cast<std::ptrdiff_t>(one);
  std::ranges::nth_element(those, at, {}, place);
  auto what = recovery_of(*at).question();
  const auto id = waits().asking.add_around(std::move(those), what, position_);
  read_for(id, std::move(what));
}

bool room::log_said(join_request& who, const read_request& asked, log_questions::reach serves,
                    const read_result& said) {
  if (said.why.code != errc::ok) {
    out_.on_join_refused(who.id, said.why);
    return true;
  }
  if (said.head.epoch != position_.epoch) {
    out_.on_join_refused(who.id, {errc::unavailable, "the room's log began anew", retry_soon_ms});
    return true;
  }
  // When the log has nothing any more, once: what it has given up meanwhile the room will never hear of.
  if (is_ahead(who, said) && !load_failed_ &&
      (loading_ || !said.events.empty() || !std::exchange(who.read_for, true))) {
    missed();
    join(std::move(who));
    return true;
  }
  if (load_failed_ && has_had_more(who, said)) { // it would be told of a gap, and sent everything again
    out_.on_join_refused(who.id, {errc::unavailable, "the room is behind its log", 500});
    return true;
  }
  if (!who.since) { // where there was nothing, what has come since then follows
    answer(who, {said.events.empty() ? std::min(said.head.offset, position_.offset)
                                     : said.events.front()->offset - 1,
                 {},
                 {}});
    return true;
  }
  if (who.since->epoch == said.head.epoch && who.since->offset > said.head.offset) {
    // The log never gave that position, so it says as little as one of another epoch.
    who.since->epoch.clear();
    join(std::move(who));
    return true;
  }
  const auto rules = recovery_of(who);
  const auto alone = serves == log_questions::reach::same;
  // It was ahead of the room when the log was asked, and what it had has come meanwhile; or the log has begun
  // anew.
  if (alone ? rules.question().after != asked.after : !rules.same_life()) {
    join(std::move(who));
    return true;
  }
  auto there = alone ? std::optional{rules.in_log(said)} : rules.in_log(said, asked.after);
  if (there)
    answer(who, std::move(*there));
  return there.has_value();
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
    a.what.position = {position_.epoch, std::max(there.offset, there.position)};
    a.what.head = std::max(position_.offset, a.what.position.offset);
  }
  const auto found = feed_->of(who.format).look().find(there.offset);
  a.at = found ? *found : cursor{audience::off_tape, there.offset};
  if (who.presence && roster_ && !who.roster_later) {
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
  open_roster();
  if (!roster_)
    return;
  roster_->enter(who, user, user_info, info, around_.time.now());
  presence_changed();
}

void room::stop_waiting(session_id who) {
  if (!waiting_)
    return;
  for (const auto id : waiting_->asking.leave(who))
    out_.on_join_refused(id, left());
  auto& joins = waiting_->joins;
  for (std::size_t i = 0; i < joins.size();) {
    if (joins[i].session != who) {
      ++i;
      continue;
    }
    const auto id = joins[i].id;
    joins.erase(joins.begin() + static_cast<std::ptrdiff_t>(i));
    out_.on_join_refused(id, left());
  }
  for (auto& a : waiting_->adoptions)
    std::erase_if(a.readers, [&](const adopted_reader& r) { return r.session == who; });
  served();
}

void room::leave(session_id who, bool goes_on) {
  stop_waiting(who);
  if (!readers_.remove(who))
    return;
  if (readers_.empty())
    no_readers_since_ = around_.time.now();
  for_each_tape([who](tape& t) { t.forget(who); });
  if (roster_) {
    roster_->leave(who, around_.time.now(),
                   milliseconds{around_.least_linger_ms ? around_.least_linger_ms->load() : 0}, goes_on);
    presence_changed();
  }
}

void room::adopt(std::uint32_t loop, std::vector<adopted_reader> readers) {
  if (state_ != state::ready || loading_) {
    waits().adoptions.push_back({loop, std::move(readers)});
    return;
  }
  if (!feed_) {
    open_feed();
    if (!is_live() && position_.offset > 0) {
      waits().adoptions.push_back({loop, std::move(readers)});
      return load(0, true);
    }
  }
  for (auto& r : readers)
    if (!readers_.has(r.session))
      seat(r.session, loop, r.format, r.presence, r.user, r.user_info, r.info);
  out_.on_adopted(loop, feed_);
}

} // namespace hubbub::broker
