#include "cluster/jetstream_log.hpp"

#include "cluster/consumer_run.hpp"
#include "cluster/jetstream_read.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;

// At a time: what a restart of NATS sets off must not become a stampede.
constexpr std::size_t most_reads = 8;
constexpr std::int64_t check_ms = 250;
// After a cut: beyond it each room asks for its own head rather than that all of the stream is read.
constexpr std::uint64_t most_read_at_once = 50'000;

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
  for (const auto& [name, stream] : streams_)
    stream->on_new_life([weak = weak_from_this(), raw = stream.get()] {
      const auto self = weak.lock();
      if (!self)
        return;
      const auto rooms = self->rooms_of(*raw);
      for (const auto& room : rooms)
        room->begin_anew();
      self->watch_->compare_all(rooms);
    });
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
    old = std::exchange(rooms_[room.str()], made);
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
  {
    std::lock_guard lock{mutex_};
    if (!closed_) {
      waiting_.push_back({std::move(stream), std::move(what), std::move(done)});
      done = {};
    }
  }
  if (!done)
    return begin_reads();
  refused.why = closed();
  done(std::move(refused));
}

void jetstream_log::begin_reads() {
  for (;;) {
    std::shared_ptr<jetstream_read> next;
    {
      std::lock_guard lock{mutex_};
      if (waiting_.empty() || reading_.size() >= most_reads || beginning_)
        return;
      auto& w = waiting_.front();
      next = std::make_shared<jetstream_read>(with_, std::move(w.stream), std::move(w.what),
                                              std::move(w.done), [weak = weak_from_this()] {
                                                if (const auto self = weak.lock()) {
                                                  self->check_runs();
                                                  self->begin_reads();
                                                }
                                              });
      waiting_.pop_front();
      reading_.push_back(next);
      // A read may end at once, and must not begin the next one from within.
      beginning_ = true;
    }
    next->start();
    std::lock_guard lock{mutex_};
    beginning_ = false;
  }
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

// -- trouble and time -----------------------------------------------------------------

void jetstream_log::trouble() {
  for (const auto& [_, stream] : streams_) {
    // What it is now, before a look moves it on. Trouble in trouble begins where the first one did.
    const missed from{stream->settled_last(), stream->epoch()};
    {
      std::lock_guard lock{mutex_};
      missed_.try_emplace(stream, from);
    }
    catch_up(stream);
  }
}

void jetstream_log::catch_up(const std::shared_ptr<retained_stream>& stream) {
  stream->look([weak = weak_from_this(), stream](const js::stream_info& i) {
    const auto self = weak.lock();
    if (!self || i.why) // there is no leader yet: asked again soon
      return;
    missed m;
    {
      std::lock_guard lock{self->mutex_};
      const auto it = self->missed_.find(stream);
      if (it == self->missed_.end() || it->second.reading)
        return;
      m = it->second;
      if (stream->epoch() != m.epoch || i.last_seq <= m.from) {
        self->missed_.erase(it);
        return;
      }
      it->second.reading = true;
    }
    self->read_missed(stream, m.from, i);
  });
}

void jetstream_log::compare_everything() {
  for (const auto& [_, stream] : streams_)
    compare_all(*stream);
}

void jetstream_log::compare_all(const retained_stream& stream) { watch_->compare_all(rooms_of(stream)); }

void jetstream_log::read_missed(const std::shared_ptr<retained_stream>& stream, std::uint64_t from,
                                const js::stream_info& now) {
  if (now.last_seq - from > most_read_at_once) {
    compare_all(*stream);
    return caught_up(stream, true);
  }
  consumer_run::range r;
  r.stream = stream->name();
  r.from = from + 1;
  r.to = now.last_seq;
  const auto aged = now.first_seq > from + 1;
  const auto most = now.config.max_msgs_per_subject;
  auto run = std::make_shared<consumer_run>(
      with_, std::move(r),
      consumer_run::handlers{
          [](std::uint64_t) {},
          [weak = weak_from_this(), last = now.last_seq, aged, most](const log_place& at,
                                                                     const nats_message& m) {
            const auto self = weak.lock();
            if (!self)
              return false;
            const auto name = self->with_->names.room_in(m.subject);
            if (!name)
              self->note_bad_room();
            else if (const auto room = self->find(name->str()))
              // Only a room that had as many events behind this one as it may keep lost one before it.
              room->caught_up(
                  at, m, !aged && (most <= 0 || last - at.offset + 1 < static_cast<std::uint64_t>(most)));
            return true;
          },
          [weak = weak_from_this(), stream](const broker::refusal& why, bool) {
            if (const auto self = weak.lock())
              self->caught_up(stream, why.code == errc::ok);
          }});
  {
    std::lock_guard lock{mutex_};
    if (closed_)
      return;
    catching_up_.push_back(run);
  }
  run->start();
}

void jetstream_log::caught_up(const std::shared_ptr<retained_stream>& stream, bool all) {
  std::lock_guard lock{mutex_};
  if (all)
    missed_.erase(stream);
  else if (const auto it = missed_.find(stream); it != missed_.end())
    it->second.reading = false;
}

void jetstream_log::note_bad_room() {
  ++with_->counters.foreign;
  with_->log.limited(broker::log_level::warn, "nats", "bad-room",
                     "a stream holds a message on a subject that is no room's name");
}

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

// -- what it promises -------------------------------------------------------------------

broker::refusal jetstream_log::state() const {
  for (const auto& [_, stream] : streams_)
    if (auto why = stream->state(); why.code != errc::ok)
      return why;
  return {errc::ok};
}

broker::guarantee jetstream_log::promises() const {
  // The least that any stream's real configuration gives.
  auto replicas = with_->options.replicas;
  for (const auto& [_, stream] : streams_)
    if (const auto i = stream->info(); !i.config.name.empty())
      replicas = std::min(replicas, i.config.replicas);
  std::string sentence;
  if (replicas <= 1)
    sentence = "JetStream keeps each event in a file of one server before it is confirmed: it survives the "
               "end of that server's process, not the loss of its disk";
  else
    sentence =
        "a majority of " + std::to_string(replicas) +
        " JetStream servers has each event in a file before it is confirmed: it survives the loss of " +
        std::to_string((replicas - 1) / 2) + " of them";
  return {"jetstream",
          sentence + "; when all of their machines lose power at once, what was confirmed since "
                     "nats-server last synced its files (every two minutes unless it is told "
                     "otherwise) may be lost",
          "server", replicas};
}

void jetstream_log::look_at_guarantees() {
  for (const auto& [name, stream] : streams_) {
    const auto i = stream->info();
    auto now = std::to_string(i.config.replicas) + (i.config.file ? " file" : " memory");
    {
      std::lock_guard lock{mutex_};
      if (std::exchange(guarantees_[name], now) == now)
        continue;
    }
    with_->log.info("nats", "a namespace is kept by a stream",
                    {{"namespace", name},
                     {"stream", stream->name()},
                     {"replicas", i.config.replicas},
                     {"storage", i.config.file ? "file" : "memory"}});
  }
}

} // namespace hubbub::cluster
