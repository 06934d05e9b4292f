#include "cluster/position_watch.hpp"

#include "cluster/attempts.hpp"
#include "cluster/jetstream_room.hpp"

#include <algorithm>
#include <chrono>

namespace hubbub::cluster {
namespace {

constexpr std::int64_t again_ms = 500;
constexpr std::int64_t on_its_way_ms = 50;
// Questions at a time: enough for 10,000 rooms in a second at 20 ms a question, and no burden for a leader.
constexpr std::size_t most_asking = 256;

} // namespace

std::int64_t position_watch::now() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void position_watch::add(const room_ptr& room) {
  std::lock_guard lock{mutex_};
  round_.push_back(room);
}

void position_watch::compare_all(const std::vector<room_ptr>& rooms) {
  const auto at = now();
  std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < rooms.size(); ++i)
    due_.push({turn(at, i, rooms.size()), rooms[i], cause::trouble});
}

std::int64_t position_watch::turn(std::int64_t from, std::size_t which, std::size_t of) const noexcept {
  // A part of it is left for the answers.
  const auto time = every_.trouble.count() * 3 / 4;
  return from + time * static_cast<std::int64_t>(which) / static_cast<std::int64_t>(of);
}

void position_watch::event_came(const room_ptr& room) {
  if (room->mark_watched(true))
    return;
  std::lock_guard lock{mutex_};
  due_.push({room->last_event() + every_.burst.count(), room, cause::burst_ended});
}

void position_watch::try_again(const room_ptr& room) {
  if (room->mark_waiting(true))
    return;
  std::lock_guard lock{mutex_};
  due_.push({now() + again_ms, room, cause::again});
}

void position_watch::park(const room_ptr& room) {
  if (room->mark_waiting(true))
    return;
  auto& all = parked_[room->stream()];
  if (all.size() == all.capacity()) { // rooms come and go meanwhile
    std::erase_if(all, [](const auto& one) { return one.expired(); });
    all.reserve(2 * all.size() + 16);
  }
  all.push_back(room);
}

void position_watch::take_up_parked(std::int64_t at) {
  for (auto it = parked_.begin(); it != parked_.end();) {
    const auto& [stream, rooms] = *it;
    if (!stream->answers()) {
      ++it;
      continue;
    }
    for (std::size_t i = 0; i < rooms.size(); ++i)
      due_.push({turn(at, i, rooms.size()), rooms[i], cause::again});
    it = parked_.erase(it);
  }
}

void position_watch::suspect(const room_ptr& room) {
  std::lock_guard lock{mutex_};
  due_.push({now() + on_its_way_ms, room, cause::suspicion});
}

void position_watch::tick() {
  const auto at = now();
  std::vector<room_ptr> ask;
  std::vector<room_ptr> show;
  {
    std::lock_guard lock{mutex_};
    take_up_parked(at);
    const auto ask_of = [&](room_ptr room) {
      if (room->stream()->answers())
        ask.push_back(std::move(room));
      else
        park(room);
    };
    const auto budget = most_asking - std::min(most_asking, asking_);
    while (!due_.empty() && due_.top().due <= at && ask.size() < budget) {
      auto next = due_.top();
      due_.pop();
      auto room = next.room.lock();
      if (!room || room->is_over())
        continue;
      if (next.why == cause::suspicion) {
        show.push_back(std::move(room));
        continue;
      }
      if (next.why == cause::again)
        static_cast<void>(room->mark_waiting(false));
      if (next.why == cause::burst_ended) {
        // Asked first, so that an event that comes now is not overlooked.
        static_cast<void>(room->mark_watched(false));
        if (const auto last = room->last_event() + every_.burst.count(); last > at) {
          if (!room->mark_watched(true))
            due_.push({last, room, cause::burst_ended});
          continue;
        }
      }
      ask_of(std::move(room));
    }
    const auto passed = last_tick_ == 0 ? 0 : at - last_tick_;
    last_tick_ = at;
    owed_ += static_cast<double>(round_.size()) * static_cast<double>(passed) /
             static_cast<double>(every_.round.count());
    owed_ = std::min(owed_, static_cast<double>(round_.size()));
    for (; owed_ >= 1 && ask.size() < budget && !round_.empty(); --owed_) {
      auto room = round_.front().lock();
      round_.pop_front();
      if (!room || room->is_over())
        continue;
      round_.push_back(room);
      ask_of(std::move(room));
    }
    asking_ += ask.size();
  }
  attempts made;
  for (const auto& room : ask)
    made.make([&] { compare(room); });
  for (const auto& room : show)
    made.make([&] { room->show_missed(); });
  made.rethrow();
}

void position_watch::compare(const room_ptr& room) {
  room->compare([self = shared_from_this()] {
    std::lock_guard lock{self->mutex_};
    --self->asking_;
  });
}

} // namespace hubbub::cluster
