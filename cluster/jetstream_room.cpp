#include "cluster/jetstream_room.hpp"

#include "cluster/attempts.hpp"
#include "cluster/position_watch.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;
using broker::publish_outcome;

constexpr std::size_t most_early = 256;
// What is republished may be on its way for so long, in a stream whose events grow old enough.
constexpr std::int64_t longest_way_ms = 10'000;

// A new leader may not have caught up with itself yet.
constexpr std::uint8_t sure_of_unreached = 3;

constexpr int message_too_large = 10054;

broker::refusal anew() { return {errc::unavailable, "the room has started anew"}; }

} // namespace

jetstream_room::jetstream_room(std::shared_ptr<jetstream_context> with,
                               std::shared_ptr<retained_stream> stream, std::shared_ptr<position_watch> watch,
                               broker::room_name name, std::shared_ptr<broker::event_bus_handler> handler)
    : with_{std::move(with)},
      stream_{std::move(stream)},
      watch_{std::move(watch)},
      name_{std::move(name)},
      handler_{std::move(handler)} {}

void jetstream_room::open() {
  calls_.run([self = shared_from_this()] {
    self->subscription_ = self->with_->link->subscribe(
        self->with_->names.out(self->name_),
        nats_link::listener::of<&jetstream_room::message_came>(std::weak_ptr{self}));
  });
  compare([] {});
}

void jetstream_room::end() {
  over_ = true;
  calls_.run([self = shared_from_this()] {
    self->phase_ = phase::over;
    self->subscription_.reset();
    self->early_.reset();
  });
}

// -- events -----------------------------------------------------------------------

void jetstream_room::message_came(const nats_message& m) {
  const auto at = place_of_republished(m.headers);
  if (at.offset == 0 || m.headers.last("Nats-Stream") != stream_->name()) {
    ++with_->counters.foreign;
    return with_->log.limited(broker::log_level::warn, "nats", "foreign",
                              "a message on a room's subject was not republished by its stream",
                              {{"room", name_.str()}});
  }
  if (stream_->unusable().code != errc::ok)
    return; // of another stream than the rooms', or found again
  event_flaws flaws;
  auto e = event_of(name_, m.headers, m.data, at, stream_->epoch(), flaws);
  // A stream does not say when it took what it republishes, but that is not long ago.
  e->kept_ms = with_->time.unix_ms();
  if (e->time_ms == 0)
    e->time_ms = e->kept_ms;
  with_->note(flaws, name_);
  calls_.run(
      [self = shared_from_this(), e = std::move(e), print = fingerprint_of(m.headers, m.data)]() mutable {
        // None was there before it, or none any more: then the room looks.
        if (e->previous == 0 && self->phase_ == phase::ready && e->offset > self->position_ + 1 &&
            !self->missed_nothing())
          e->previous = e->offset - 1;
        self->arrived({std::move(e), print});
      });
}

void jetstream_room::arrived(arrival a) {
  if (phase_ == phase::over)
    return;
  if (phase_ != phase::ready) {
    if (!early_)
      early_ = std::make_unique<std::vector<arrival>>();
    if (early_->size() < most_early)
      early_->push_back(std::move(a));
    return;
  }
  if (a.event->offset <= position_) {
    // Caught up already, or of a stream that has begun anew; or the room is where its log never was.
    if (a.event->offset < position_) {
      stream_->look();
      watch_->try_again(shared_from_this());
    } else if (!is_had(a.fingerprint)) {
      compare([] {}); // it does not say of which life it is: the leader is asked
    }
    return;
  }
  const auto offset = a.event->offset;
  if (!handler_->on_event(std::move(a.event))) {
    // The room reads from its position when it can: the event is in the log.
  }
  // Only now: when that threw, the event did not come, and is found to be missing.
  position_ = offset;
  fingerprint_ = a.fingerprint;
  const auto now = position_watch::now();
  sure_at_ = now;
  last_event_ = now;
  watch_->event_came(shared_from_this());
}

bool jetstream_room::is_had(std::uint64_t fingerprint) const noexcept {
  return fingerprint_ == 0 || fingerprint == fingerprint_;
}

void jetstream_room::caught_up(const log_place& at, const std::string& epoch, const nats_message& m,
                               std::optional<std::int64_t> whole_since) {
  event_flaws flaws;
  auto e = event_of(name_, m.headers, m.data, at, stream_->epoch(), flaws);
  with_->note(flaws, name_);
  calls_.run([self = shared_from_this(), e = std::move(e), print = fingerprint_of(m.headers, m.data), epoch,
              whole_since]() mutable {
    if (self->phase_ != phase::ready)
      return;
    if (e->offset == self->position_ && !self->is_had(print))
      return self->stream_->written_over({epoch, e->offset});
    if (e->offset <= self->position_)
      return;
    // Where it is not known what was between, the room looks: an event may have been lost before the reading
    // began, and not have been found to be missing yet.
    const auto whole = whole_since && self->sure_at_ && *self->sure_at_ >= *whole_since;
    e->previous = whole ? self->position_ : e->offset - 1;
    self->arrived({std::move(e), print});
  });
}

void jetstream_room::show_missed() {
  calls_.run([self = shared_from_this()] {
    const auto a = std::exchange(self->suspected_, nullptr);
    if (!a || self->phase_ != phase::ready || a->event->offset <= self->position_)
      return;
    ++self->with_->counters.missed;
    self->with_->log.limited(broker::log_level::info, "nats", "missed",
                             "an event never came, and was found in the log", {{"room", self->name_.str()}});
    self->arrived(std::move(*a));
  });
}

// -- where the log stands -----------------------------------------------------------

void jetstream_room::compare(std::function<void()> done) {
  question asked{stream_->reached(), position_watch::now()};
  // On the connection behind the subscription: the leader hears of the interest first.
  with_->link->request("$JS.API.STREAM.MSG.GET." + stream_->name(), {}, js::get_last(with_->names.in(name_)),
                       [self = shared_from_this(), asked = std::move(asked),
                        done = std::move(done)](nats_link::fate f, const nats_message& m) {
                         attempts made;
                         made.make([&] {
                           self->head_came(
                               f, f == nats_link::fate::answered ? js::read_message(m.data) : js::message{},
                               asked);
                         });
                         made.make(done);
                         made.rethrow();
                       });
}

void jetstream_room::head_came(nats_link::fate f, const js::message& m, const question& asked) {
  const auto nothing_there = m.why.err_code == js::no_message_found;
  broker::refusal why{errc::ok};
  if (f != nats_link::fate::answered)
    why = {errc::unavailable, "the log of " + name_.str() + " cannot be reached"};
  else if (m.why && !nothing_there)
    why = {errc::unavailable, "the log of " + name_.str() + " does not answer: " + m.why.description};
  // In a room without events, whatever the stream has reached by now is behind all that was ever published.
  const auto head = nothing_there ? asked.reached.offset : m.sequence;
  stream_->saw({asked.reached.epoch, head});
  if (why.code == errc::ok)
    why = asked.reached.epoch.empty() ? stream_->state() : stream_->unusable();
  calls_.run([self = shared_from_this(), why = std::move(why), head, nothing_there, asked, m]() mutable {
    if (self->phase_ == phase::over)
      return;
    if (why.code != errc::ok) {
      self->watch_->try_again(self);
      if (self->phase_ != phase::ready)
        self->not_opened(std::move(why));
      return;
    }
    // Asked in one life of the stream and perhaps answered in the next: it means nothing.
    if (self->stream_->epoch() != asked.reached.epoch)
      return self->compare([] {});
    const auto print = nothing_there ? 0 : fingerprint_of(header_lines{m.headers}, m.data);
    if (self->phase_ != phase::ready)
      self->opened(head, print, asked);
    else if (!nothing_there && head == self->position_ && !self->is_had(print))
      self->stream_->written_over({asked.reached.epoch, head});
    else if (nothing_there ? self->missed_nothing() : head == self->position_)
      self->sure_at_ = std::max(asked.at, self->sure_at_.value_or(asked.at));
    else if (!nothing_there && head > self->position_)
      self->missed(m);
    if (self->position_ > head)
      self->prove_position(asked.reached.epoch);
    else
      self->unreached_ = 0;
  });
}

void jetstream_room::prove_position(const std::string& epoch) {
  stream_->look([self = shared_from_this(), epoch, at = position_](const js::stream_info& i) {
    if (i.why)
      return;
    self->calls_.run([self, at, known = self->stream_->reached(), epoch] {
      if (self->phase_ != phase::ready || known.epoch != epoch || self->position_ < at)
        return;
      if (at <= known.offset)
        self->unreached_ = 0;
      else if (++self->unreached_ < sure_of_unreached)
        self->watch_->try_again(self);
      else
        self->leave_false_position();
    });
  });
}

void jetstream_room::leave_false_position() {
  unreached_ = 0;
  ++with_->counters.foreign;
  with_->log.limited(
      broker::log_level::warn, "nats", "unreached",
      "a message on a room's subject claimed a place that its stream has not reached; the room "
      "begins anew at its log's end",
      {{"room", name_.str()}, {"claimed", position_}});
  begin_anew();
  compare([] {});
}

bool jetstream_room::missed_nothing() const {
  const auto age = stream_->age().count();
  return sure_at_ &&
         (age == 0 || position_watch::now() - *sure_at_ < age - std::min(age / 4, longest_way_ms));
}

void jetstream_room::opened(std::uint64_t head, std::uint64_t fingerprint, const question& asked) {
  const auto anew = phase_ == phase::beginning_anew;
  phase_ = phase::ready;
  position_ = head;
  fingerprint_ = fingerprint;
  sure_at_ = asked.at;
  if (anew)
    handler_->on_epoch({asked.reached.epoch, head});
  else
    handler_->on_ready({asked.reached.epoch, head});
  if (const auto early = std::exchange(early_, nullptr))
    for (auto& a : *early)
      if (phase_ == phase::ready && a.event->offset > position_)
        arrived(std::move(a));
}

void jetstream_room::not_opened(broker::refusal why) {
  if (!std::exchange(told_unavailable_, true))
    handler_->on_unavailable(std::move(why));
}

void jetstream_room::missed(const js::message& newest) {
  event_flaws flaws;
  // What was before it is not known, so as much as may be: the room reads what lies between.
  const log_place at{newest.sequence, newest.sequence - 1, newest.time_ms};
  auto e = event_of(name_, header_lines{newest.headers}, newest.data, at, stream_->epoch(), flaws);
  // It may be on its way.
  suspected_ = std::make_unique<arrival>(
      arrival{std::move(e), fingerprint_of(header_lines{newest.headers}, newest.data)});
  watch_->suspect(shared_from_this());
}

void jetstream_room::begin_anew() {
  calls_.run([self = shared_from_this()] {
    if (self->phase_ != phase::ready)
      return;
    self->phase_ = phase::beginning_anew;
    self->told_unavailable_ = true; // its readers have nothing to do with that
    self->early_.reset();
    self->suspected_.reset();
  });
}

void jetstream_room::doubt() {
  calls_.run([self = shared_from_this()] { self->sure_at_.reset(); });
}

// -- publishing ---------------------------------------------------------------------

void jetstream_room::publish(broker::publish_token token, broker::event e) {
  if (e.event_id.empty())
    e.event_id = with_->new_event_id();
  auto id = e.event_id;
  if (over_)
    return refuse(token, anew(), publish_outcome::not_stored, std::move(id));
  if (auto why = stream_->unusable(); why.code != errc::ok)
    return refuse(token, std::move(why), publish_outcome::not_stored, std::move(id));
  if (e.time_ms == 0)
    e.time_ms = with_->time.unix_ms();
  if (e.data.size() > with_->options.payload_bytes)
    return refuse(token, {errc::too_large, "the data has more bytes than a stream's message may have"},
                  publish_outcome::not_stored, std::move(id));
  with_->link->request(
      with_->names.in(name_), headers_of(e, stream_->deduplicates()), e.data,
      [self = shared_from_this(), token, id = std::move(id), epoch = stream_->epoch()](
          nats_link::fate f, const nats_message& m) { self->answered(token, id, epoch, f, m); },
      stream_->acks());
}

void jetstream_room::answered(broker::publish_token token, const std::string& event_id,
                              const std::string& epoch, nats_link::fate f, const nats_message& m) {
  switch (f) {
  case nats_link::fate::not_sent:
    return refuse(token, {errc::unavailable, "there is no connection to the log"},
                  publish_outcome::not_stored, event_id);
  case nats_link::fate::too_large:
    return refuse(token,
                  {errc::too_large,
                   "the event has more bytes than the NATS server takes in a message (its max_payload)"},
                  publish_outcome::not_stored, event_id);
  case nats_link::fate::nobody:
    return refuse(token, {errc::unavailable, "the log has no stream for this room, or no leader"},
                  publish_outcome::not_stored, event_id);
  case nats_link::fate::unknown:
    return refuse(token, {errc::unavailable, "the log did not say whether it has the event"},
                  publish_outcome::unknown, event_id);
  case nats_link::fate::answered:
    break;
  }
  const auto ack = js::read_ack(m.data);
  if (ack.why.code == 1)
    return refuse(token, {errc::unavailable, "the log answered something else"}, publish_outcome::unknown,
                  event_id);
  if (ack.why)
    return refuse(token,
                  {ack.why.err_code == message_too_large ? errc::too_large : errc::unavailable,
                   "the log refused the event: " + ack.why.description},
                  publish_outcome::not_stored, event_id);
  if (auto why = stream_->unusable(); why.code != errc::ok) // whatever has it, the rooms' stream or another
    return refuse(token, std::move(why), publish_outcome::unknown, event_id);
  broker::stored what{{epoch, ack.sequence}, event_id, ack.duplicate};
  if (!ack.duplicate)
    stream_->saw(what.position);
  calls_.run([self = shared_from_this(), token, what = std::move(what)]() mutable {
    self->handler_->on_stored(token, std::move(what));
  });
}

void jetstream_room::refuse(broker::publish_token token, broker::refusal why, publish_outcome outcome,
                            std::string event_id) {
  calls_.run(
      [self = shared_from_this(), token, why = std::move(why), outcome, id = std::move(event_id)]() mutable {
        self->handler_->on_refused(token, {std::move(why), outcome, std::move(id)});
      });
}

} // namespace hubbub::cluster
