#include "cluster/jetstream_log.hpp"

#include "cluster/attempts.hpp"
#include "cluster/consumer_run.hpp"
#include "cluster/jetstream_read.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;

// At a time of each stream: what a restart of NATS sets off must not become a stampede, and one whose leader
// is gone must not hold up the others.
constexpr std::ptrdiff_t most_reads = 8;
constexpr std::int64_t check_ms = 250;

broker::refusal closed() { return {errc::unavailable, "the log is closing"}; }

/// Of a namespace that is not declared.
class refused_interest final : public broker::interest {
public:
  refused_interest(std::string_view space, std::shared_ptr<broker::event_bus_handler> handler)
      : why_{subjects::undeclared(space)}, handler_{std::move(handler)} {
    handler_->on_unavailable(why_);
  }
  void publish(broker::publish_token token, broker::event e) override {
    handler_->on_refused(token, {why_, broker::publish_outcome::not_stored, std::move(e.event_id)});
  }
  void broadcast(const broker::event&) override {}

private:
  const broker::refusal why_;
  const std::shared_ptr<broker::event_bus_handler> handler_;
};

} // namespace

/// A room's hold on its subscription. The loop the room runs on.
class jetstream_log::room_interest final : public broker::interest {
public:
  room_interest(std::weak_ptr<jetstream_log> log, std::shared_ptr<jetstream_room> room)
      : log_{std::move(log)}, room_{std::move(room)} {}
  ~room_interest() override {
    room_->end();
    if (const auto log = log_.lock())
      log->forget(room_);
  }
  room_interest(const room_interest&) = delete;
  room_interest& operator=(const room_interest&) = delete;

  void publish(broker::publish_token token, broker::event e) override { room_->publish(token, std::move(e)); }
  void broadcast(const broker::event&) override {
    // Retained rooms go by the log.
  }

private:
  const std::weak_ptr<jetstream_log> log_;
  const std::shared_ptr<jetstream_room> room_;
};

jetstream_log::jetstream_log(std::shared_ptr<jetstream_context> with, const broker::namespaces& spaces)
    : with_{std::move(with)}, watch_{std::make_shared<position_watch>(with_->options.every)} {
  for (const auto& [name, rules] : spaces.declared())
    if (rules.kind == broker::room_kind::retained)
      streams_.emplace(name, std::make_shared<retained_stream>(with_, name, rules));
}

void jetstream_log::prepare() {
  last_guarantee_ = position_watch::now();
  for (const auto& [name, stream] : streams_) {
    stream->on_new_leader([weak = weak_from_this(), raw = stream.get()](broker::stream_position settled) {
      const auto self = weak.lock();
      if (!self)
        return;
      const auto led = raw->shared_from_this();
      self->miss(led, std::move(settled));
      self->catch_up(led);
    });
    stream->on_new_life([weak = weak_from_this(), raw = stream.get()] {
      const auto self = weak.lock();
      if (!self)
        return;
      const auto rooms = self->rooms_of(*raw);
      attempts made;
      for (const auto& room : rooms)
        made.make([&room] { room->begin_anew(); });
      self->watch_->compare_all(rooms);
      made.rethrow();
    });
  }
}

broker::refusal jetstream_log::start() {
  for (const auto& [name, stream] : streams_) {
    auto told = std::make_shared<std::promise<void>>();
    stream->look([told](const js::stream_info&) { told->set_value(); });
    told->get_future().wait(); // the link answers every request in time
    if (auto why = stream->state(); why.code != errc::ok)
      return why;
  }
  look_at_guarantees();
  return {errc::ok};
}

// -- rooms --------------------------------------------------------------------------

std::shared_ptr<retained_stream> jetstream_log::stream_of(std::string_view space) const {
  const auto it = streams_.find(space);
  return it == streams_.end() ? nullptr : it->second;
}

std::unique_ptr<broker::interest> jetstream_log::want(const broker::room_name& room,
                                                      std::shared_ptr<broker::event_bus_handler> handler) {
  auto stream = stream_of(room.space());
  if (!stream)
    return std::make_unique<refused_interest>(room.space(), std::move(handler));
  auto made = std::make_shared<jetstream_room>(with_, std::move(stream), watch_, room, std::move(handler));
  std::shared_ptr<jetstream_room> old;
  {
    std::lock_guard lock{mutex_};
    if (auto before = rooms_.extract(room.str()))
      old = std::move(before.mapped());
    rooms_.emplace(made->name().str(), made);
  }
  if (old)
    old->end();
  watch_->add(made);
  made->open();
  return std::make_unique<room_interest>(weak_from_this(), std::move(made));
}

void jetstream_log::forget(const std::shared_ptr<jetstream_room>& room) {
  std::lock_guard lock{mutex_};
  const auto it = rooms_.find(room->name().str());
  if (it != rooms_.end() && it->second == room)
    rooms_.erase(it);
}

std::vector<std::shared_ptr<jetstream_room>> jetstream_log::rooms_of(const retained_stream& stream) {
  std::vector<std::shared_ptr<jetstream_room>> all;
  std::lock_guard lock{mutex_};
  for (const auto& [_, room] : rooms_)
    if (room->stream().get() == &stream)
      all.push_back(room);
  return all;
}

std::shared_ptr<jetstream_room> jetstream_log::find(const std::string& room) {
  std::lock_guard lock{mutex_};
  const auto it = rooms_.find(room);
  return it == rooms_.end() ? nullptr : it->second;
}

// -- reads --------------------------------------------------------------------------

void jetstream_log::read(broker::read_request what, broker::read_handler done) {
  auto stream = stream_of(what.room.space());
  broker::read_result refused;
  if (!stream) {
    refused.why = subjects::undeclared(what.room.space());
    return done(std::move(refused));
  }
  if (refused.why = stream->unreadable(); refused.why.code != errc::ok) {
    refused.head.epoch = stream->epoch();
    return done(std::move(refused));
  }
  {
    std::lock_guard lock{mutex_};
    if (closed_) {
      refused.why = closed();
    } else if (waiting_.size() >= most_waiting) {
      refused.why = {errc::overloaded, "too many wait to read the log", 250};
    } else {
      waiting_.push_back({std::move(stream), std::move(what), std::move(done)});
      done = {};
    }
  }
  if (!done)
    return begin_reads();
  done(std::move(refused));
}

std::deque<jetstream_log::waiting_read>::iterator jetstream_log::next_read() {
  std::vector<std::shared_ptr<retained_stream>> may;
  for (const auto& [_, stream] : streams_)
    if (std::ranges::count(reading_, stream, &jetstream_read::stream) < most_reads)
      may.push_back(stream);
  if (may.empty())
    return waiting_.end();
  return std::ranges::find_if(
      waiting_, [&may](const waiting_read& one) { return std::ranges::find(may, one.stream) != may.end(); });
}

void jetstream_log::begin_reads() {
  attempts made;
  for (;;) {
    std::shared_ptr<jetstream_read> next;
    {
      std::lock_guard lock{mutex_};
      if (beginning_)
        break;
      const auto w = next_read();
      if (w == waiting_.end())
        break;
      next = std::make_shared<jetstream_read>(with_, std::move(w->stream), std::move(w->what),
                                              std::move(w->done), [weak = weak_from_this()] {
                                                if (const auto self = weak.lock()) {
                                                  self->check_runs();
                                                  self->begin_reads();
                                                }
                                              });
      waiting_.erase(w);
      reading_.push_back(next);
      // A read may end at once, and must not begin the next one from within.
      beginning_ = true;
    }
    made.make([&next] { next->start(); });
    std::lock_guard lock{mutex_};
    beginning_ = false;
  }
  made.rethrow();
}

void jetstream_log::check_runs() {
  std::vector<std::shared_ptr<jetstream_read>> all;
  {
    std::lock_guard lock{mutex_};
    all = reading_;
  }
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(all, [now](const auto& r) { return r->check(now); });
  std::vector<std::shared_ptr<consumer_run>> runs;
  {
    std::lock_guard lock{mutex_};
    for (const auto& ended : all)
      std::erase(reading_, ended);
    runs = catching_up_;
  }
  std::erase_if(runs, [now](const auto& r) { return r->check(now); });
  std::lock_guard lock{mutex_};
  for (const auto& ended : runs)
    std::erase(catching_up_, ended);
}

void jetstream_log::close() {
  std::deque<waiting_read> waiting;
  std::vector<std::shared_ptr<jetstream_read>> reading;
  std::vector<std::shared_ptr<consumer_run>> runs;
  {
    std::lock_guard lock{mutex_};
    closed_ = true;
    waiting.swap(waiting_);
    reading.swap(reading_);
    runs.swap(catching_up_);
  }
  for (const auto& r : runs)
    r->stop(closed());
  for (const auto& r : reading)
    r->give_up(closed());
  for (auto& w : waiting) {
    broker::read_result nothing;
    nothing.why = closed();
    w.done(std::move(nothing));
  }
}

// -- time and state --------------------------------------------------------------------

void jetstream_log::tick() {
  const auto now = position_watch::now();
  watch_->tick();
  if (now - last_check_ >= check_ms) {
    last_check_ = now;
    check_runs();
    begin_reads();
    std::vector<std::shared_ptr<retained_stream>> behind;
    {
      std::lock_guard lock{mutex_};
      for (const auto& [stream, m] : missed_)
        if (!m.reading)
          behind.push_back(stream);
    }
    for (const auto& stream : behind)
      catch_up(stream);
  }
  if (now - last_look_ >= with_->options.every.canary.count() && with_->link->is_connected()) {
    last_look_ = now;
    for (const auto& [_, stream] : streams_)
      stream->look();
  }
  if (now - last_guarantee_ >= with_->options.every.configuration.count()) {
    last_guarantee_ = now;
    look_at_guarantees();
  }
}

broker::refusal jetstream_log::state() const {
  for (const auto& [_, stream] : streams_)
    if (auto why = stream->state(); why.code != errc::ok)
      return why;
  return {errc::ok};
}

} // namespace hubbub::cluster
