#include "cluster/consumer_run.hpp"
#include "cluster/jetstream_log.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

// After a cut: beyond it each room asks for its own head rather than that all of the stream is read.
constexpr std::uint64_t most_read_at_once = 50'000;

} // namespace

void jetstream_log::trouble_begins() {
  for (const auto& [_, stream] : streams_) // what it is now, before a look moves it on
    miss(stream, {stream->epoch(), stream->settled_last()});
}

void jetstream_log::miss(const std::shared_ptr<retained_stream>& stream, broker::stream_position settled) {
  // After `settled` was read: too late rather than too early.
  const auto at = stream->settled_at();
  std::lock_guard lock{mutex_};
  // Trouble in trouble begins where the first one did.
  const auto [it, first] = missed_.try_emplace(stream);
  if (first)
    it->second.from = {std::move(settled), at};
  else if (it->second.reading && !it->second.then)
    it->second.then = place{std::move(settled), at};
}

void jetstream_log::trouble() {
  trouble_begins();
  for (const auto& [_, stream] : streams_)
    catch_up(stream);
}

void jetstream_log::catch_up(const std::shared_ptr<retained_stream>& stream) {
  stream->look([weak = weak_from_this(), stream](const js::stream_info& i) {
    const auto self = weak.lock();
    if (!self || i.why) // there is no leader yet: asked again soon
      return;
    place from;
    {
      std::lock_guard lock{self->mutex_};
      const auto it = self->missed_.find(stream);
      if (it == self->missed_.end() || it->second.reading)
        return;
      from = it->second.from;
      if (stream->epoch() != from.settled.epoch || i.last_seq <= from.settled.offset) {
        self->missed_.erase(it);
        return;
      }
      it->second.reading = true;
    }
    self->read_missed(stream, from, i);
  });
}

void jetstream_log::compare_everything() {
  for (const auto& [_, stream] : streams_)
    compare_all(*stream);
}

void jetstream_log::compare_all(const retained_stream& stream) { watch_->compare_all(rooms_of(stream)); }

void jetstream_log::read_missed(const std::shared_ptr<retained_stream>& stream, const place& begin,
                                const js::stream_info& now) {
  const auto from = begin.settled.offset;
  const auto aged = now.first_seq > from + 1;
  if (aged) // some of what came meanwhile may be gone again, and never be read
    for (const auto& room : rooms_of(*stream))
      room->doubt();
  if (now.last_seq - from > most_read_at_once) {
    compare_all(*stream);
    return caught_up(stream, true);
  }
  consumer_run::range r;
  r.stream = stream->name();
  r.from = from + 1;
  r.to = now.last_seq;
  const broker::stream_position to{stream->epoch(), now.last_seq};
  const auto most = now.config.max_msgs_per_subject;
  auto run = std::make_shared<consumer_run>(
      with_, std::move(r),
      consumer_run::handlers{
          [](std::uint64_t) {},
          [weak = weak_from_this(), to, aged, most, settled_at = begin.at](const log_place& at,
                                                                           const nats_message& m) {
            const auto self = weak.lock();
            if (!self)
              return false;
            const auto name = self->with_->names.room_in(m.subject);
            if (!name)
              self->with_->note_bad_room();
            else if (const auto room = self->find(name->str())) {
              // Only a room that had as many events behind this one as it may keep lost one before it.
              const auto kept =
                  !aged && (most <= 0 || to.offset - at.offset + 1 < static_cast<std::uint64_t>(most));
              room->caught_up(at, to.epoch, m, kept ? std::optional{settled_at} : std::nullopt);
            }
            return true;
          },
          [weak = weak_from_this(), stream](const broker::refusal& why, bool whole) {
            const auto self = weak.lock();
            if (!self)
              return;
            // Whoever was read from may be behind the stream's leader.
            if (why.code == broker::errc::ok && !whole)
              self->compare_all(*stream);
            self->caught_up(stream, why.code == broker::errc::ok);
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
  const auto it = missed_.find(stream);
  if (it == missed_.end())
    return;
  if (!all)
    it->second = {std::move(it->second.from), false, {}};
  else if (it->second.then)
    it->second = {std::move(*it->second.then), false, {}};
  else
    missed_.erase(it);
}

} // namespace hubbub::cluster
