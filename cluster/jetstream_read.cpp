#include "cluster/jetstream_read.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;

constexpr std::uint32_t batch = 128;
// Headers alone are small.
constexpr std::uint32_t headers_batch = 1000;
constexpr int most_tries = 3;

} // namespace

jetstream_read::jetstream_read(std::shared_ptr<jetstream_context> with,
                               std::shared_ptr<retained_stream> stream, broker::read_request what,
                               broker::read_handler done, std::function<void()> over)
    : with_{std::move(with)},
      stream_{std::move(stream)},
      what_{std::move(what)},
      done_{std::move(done)},
      over_{std::move(over)} {}

void jetstream_read::start() {
  if (auto why = stream_->unreadable(); why.code != errc::ok)
    return give_up(std::move(why));
  events_.clear();
  bytes_ = 0;
  last_ = 0;
  first_ = 0;
  retained_ = 0;
  passed_over_ = false;
  result_ = {};
  with_->link->request("$JS.API.STREAM.MSG.GET." + stream_->name(), {},
                       js::get_last(with_->names.in(what_.room)),
                       [self = shared_from_this(), known = stream_->reached()](
                           nats_link::fate f, const nats_message& m) { self->head_came(f, m, known); });
}

void jetstream_read::again(std::string_view why) {
  if (++tries_ == most_tries)
    return give_up({errc::unavailable, std::string{why}});
  start();
}

bool jetstream_read::check(std::chrono::steady_clock::time_point now) {
  std::shared_ptr<consumer_run> run;
  {
    std::lock_guard lock{mutex_};
    if (ended_)
      return false;
    run = run_;
  }
  // Everything else that is waited for ends by itself.
  if (run)
    run->check(now);
  return true;
}

void jetstream_read::give_up(broker::refusal why) {
  std::shared_ptr<consumer_run> run;
  {
    std::lock_guard lock{mutex_};
    if (std::exchange(ended_, true))
      return;
    // Each holds the other until one lets go.
    run = std::move(run_);
  }
  if (run)
    run->stop(why);
  broker::read_result nothing;
  nothing.why = std::move(why);
  nothing.head.epoch = stream_->epoch();
  std::exchange(done_, {})(std::move(nothing));
  over_();
}

void jetstream_read::head_came(nats_link::fate f, const nats_message& m, broker::stream_position known) {
  if (f != nats_link::fate::answered)
    return give_up({errc::unavailable, "the log cannot be reached"});
  const auto newest = js::read_message(m.data);
  head_is_there_ = newest.why.err_code != js::no_message_found;
  if (newest.why && head_is_there_)
    return give_up({errc::unavailable, "the log does not answer: " + newest.why.description});
  counted_at_ = std::max(known.offset, newest.sequence);
  result_.head = std::move(known);
  if (head_is_there_)
    result_.head.offset = newest.sequence;
  const auto to = what_.before == 0 ? result_.head.offset : std::min(result_.head.offset, what_.before - 1);
  if (!head_is_there_ || to <= what_.after)
    return prove();
  read_range();
}

void jetstream_read::read_range() {
  consumer_run::range r;
  r.stream = stream_->name();
  r.subject = with_->names.in(what_.room);
  r.from = what_.after + 1;
  r.to = what_.before == 0 ? result_.head.offset : std::min(result_.head.offset, what_.before - 1);
  r.headers_only = what_.offsets_only;
  r.batch = what_.offsets_only ? headers_batch : batch;
  if (!what_.newest)
    r.batch = std::min(r.batch, what_.limit < r.batch ? what_.limit + 1 : r.batch);
  auto self = shared_from_this();
  auto run = std::make_shared<consumer_run>(
      with_, std::move(r),
      consumer_run::handlers{
          [self](std::uint64_t pending) { self->retained_ = pending; },
          [self](const log_place& at, const nats_message& m) { return self->event_came(at, m); },
          [self](broker::refusal why, bool whole) { self->range_ended(std::move(why), whole); }});
  {
    std::lock_guard lock{mutex_};
    if (ended_)
      return;
    run_ = run;
  }
  run->start();
}

bool jetstream_read::event_came(const log_place& at, const nats_message& m) {
  auto place = at;
  place.previous = std::exchange(last_, at.offset);
  if (first_ == 0)
    first_ = at.offset;
  if (at.time_ms < what_.not_before_ms) {
    passed_over_ = true;
    return true;
  }
  if (!what_.newest && events_.size() == what_.limit) {
    result_.more = true;
    return false;
  }
  event_flaws flaws;
  std::shared_ptr<broker::stored_event> e;
  std::size_t cost = 0;
  if (what_.offsets_only) {
    e = std::make_shared<broker::stored_event>();
    e->room = what_.room;
    e->offset = place.offset;
    e->previous = place.previous;
    e->time_ms = place.time_ms;
  } else {
    e = event_of(what_.room, m.headers, m.data, place, result_.head.epoch, flaws);
    cost = broker::most_frame_bytes(*e);
  }
  if (!what_.newest && !events_.empty() && bytes_ + cost > what_.limit_bytes) {
    result_.more = true;
    return false;
  }
  events_.push_back(std::move(e));
  bytes_ += cost;
  while (events_.size() > what_.limit ||
         (!what_.offsets_only && events_.size() > 1 && bytes_ > what_.limit_bytes)) {
    if (!what_.offsets_only)
      bytes_ -= broker::most_frame_bytes(*events_.front());
    events_.pop_front();
    result_.more = true;
  }
  return true;
}

void jetstream_read::range_ended(broker::refusal why, bool whole) {
  {
    std::lock_guard lock{mutex_};
    run_.reset();
    if (ended_)
      return;
  }
  if (why.code != errc::ok)
    return give_up(std::move(why));
  if (!whole && what_.before == 0) // whoever had it is behind the leader, or the head was trimmed meanwhile
    return again("the log is behind its leader");
  prove();
}

void jetstream_read::prove() {
  auto& head = result_.head.offset;
  if (passed_over_ || what_.after > head)
    return finish();
  // Nothing can have been between an event and the next sequence of the stream.
  if (what_.after == head || first_ == what_.after + 1) {
    result_.complete = true;
    return finish();
  }
  if (what_.after == 0 || !head_is_there_)
    return prove_by_stream();
  // Rooms are trimmed from their oldest event on: where that one is, all that follow are.
  with_->link->request("$JS.API.STREAM.MSG.GET." + stream_->name(), {}, js::get_one(what_.after),
                       [self = shared_from_this()](nats_link::fate f, const nats_message& m) {
                         if (f != nats_link::fate::answered)
                           return self->give_up({errc::unavailable, "the log cannot be reached"});
                         const auto there = js::read_message(m.data);
                         if (there.why || there.subject != self->with_->names.in(self->what_.room))
                           return self->prove_by_stream();
                         self->result_.complete = true;
                         self->finish();
                       });
}

void jetstream_read::prove_by_stream() {
  stream_->look([self = shared_from_this()](const js::stream_info& i) {
    if (i.why)
      return self->give_up({errc::unavailable, i.why.description});
    const auto& s = *self->stream_;
    const auto after = self->what_.after;
    const auto most = i.config.max_msgs_per_subject;
    // Nothing behind `after` has grown too old, and the room never had more than it may keep: not even with
    // what came since its events were counted.
    const auto meanwhile = i.last_seq - std::min(i.last_seq, self->counted_at_);
    self->result_.complete =
        s.epoch() == self->result_.head.epoch && after + 1 >= std::max<std::uint64_t>(i.first_seq, 1) &&
        after >= s.raised_at() &&
        (most <= 0 || self->retained_ + meanwhile <= static_cast<std::uint64_t>(most) - 1);
    self->finish();
  });
}

void jetstream_read::finish() {
  if (stream_->epoch() != result_.head.epoch) // asked in one life, and perhaps answered in the next
    return again("the log has begun anew");
  if (auto why = stream_->unusable(); why.code != errc::ok)
    return give_up(std::move(why));
  {
    std::lock_guard lock{mutex_};
    if (std::exchange(ended_, true))
      return;
  }
  if (stream_->rules().history_size == 0) {
    events_.clear(); // a stream keeps one at least
    result_.more = false;
    result_.complete = what_.after == result_.head.offset;
  }
  result_.events.assign(std::make_move_iterator(events_.begin()), std::make_move_iterator(events_.end()));
  std::exchange(done_, {})(std::move(result_));
  over_();
}

} // namespace hubbub::cluster
