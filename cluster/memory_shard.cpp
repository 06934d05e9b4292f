#include "cluster/memory_shard.hpp"

#include "cluster/epoch.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace hubbub::cluster {
namespace {

constexpr auto never = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t rooms_per_lock = 64;
constexpr std::size_t ids_per_lock = 1024;

std::int64_t end_of(const memory_room& room, std::int64_t at) noexcept {
  const auto age = room.space->rules.history_age.count();
  return age > 0 ? at + age : never;
}

} // namespace

memory_shard::memory_shard(std::shared_ptr<dedup_bound> ids)
    : seen_{std::move(ids)}, due_{never}, next_due_{never} {}

memory_shard::wanted memory_shard::want(const broker::room_name& room, memory_space& space,
                                        const void* owner) {
  std::lock_guard lock{mutex_};
  auto& named = *rooms_.try_emplace(room.str(), space).first;
  named.second.owner = owner;
  ++named.second.interests;
  return {&named, named.second.head};
}

void memory_shard::forget(entry& room, const void* owner) noexcept {
  std::lock_guard lock{mutex_};
  auto& [name, log] = room;
  if (log.owner == owner)
    log.owner = nullptr;
  if (--log.interests == 0 && log.head == 0)
    rooms_.erase(name);
}

memory_shard::kept memory_shard::keep(memory_room& room, const void* owner,
                                      const std::shared_ptr<broker::stored_event>& e,
                                      const std::optional<digest>& id, std::int64_t now,
                                      const std::string& epoch) {
  leftovers over;
  broker::stored_event_ptr too_many;
  std::lock_guard lock{mutex_};
  if (room.owner != owner)
    return {outcome::replaced};
  if (id)
    if (const auto first = seen_.find(*id, now); first != 0)
      return {outcome::duplicate, first};
  room.expire(now, over);

  e->offset = room.space->last_offset.fetch_add(1, std::memory_order_relaxed) + 1;
  e->previous = room.head;
  if (e->event_id.empty())
    e->event_id = default_event_id(epoch, e->offset);
  if (id)
    seen_.add(*id, e->offset, now + room.space->rules.dedup_window.count(), now);
  too_many = room.append({e, now});
  if (!room.listed && !room.events.empty())
    list(room, now);
  return {outcome::kept, e->offset};
}

broker::read_result memory_shard::read(const broker::read_request& what, std::int64_t now,
                                       std::int64_t not_before) {
  leftovers over;
  std::lock_guard lock{mutex_};
  const auto it = rooms_.find(what.room.str());
  if (it == rooms_.end()) {
    broker::read_result nothing;
    nothing.complete = what.after == 0;
    return nothing;
  }
  it->second.expire(now, over);
  return it->second.read(what, not_before);
}

void memory_shard::list(memory_room& room, std::int64_t at) {
  room.listed = true;
  listed_.push_back(&room);
  due_ = std::min(due_, end_of(room, at));
  next_due_ = std::min(next_due_, end_of(room, at));
}

void memory_shard::sweep(std::int64_t now) {
  {
    std::lock_guard lock{mutex_};
    seen_.sweep(now, ids_per_lock);
    if (sweep_at_ == 0) {
      if (due_ > now)
        return;
      next_due_ = never;
    }
  }
  for (auto done = false; !done;) {
    leftovers over;
    done = sweep_some(now, over);
  }
}

bool memory_shard::sweep_some(std::int64_t now, leftovers& out) {
  std::lock_guard lock{mutex_};
  seen_.sweep(now, ids_per_lock);
  for (std::size_t n = 0; n < rooms_per_lock && sweep_at_ < listed_.size(); ++n) {
    auto& room = *listed_[sweep_at_];
    room.expire(now, out);
    if (room.events.empty()) {
      room.listed = false;
      listed_[sweep_at_] = listed_.back();
      listed_.pop_back();
    } else {
      next_due_ = std::min(next_due_, end_of(room, room.events.front().at));
      ++sweep_at_;
    }
  }
  if (sweep_at_ < listed_.size())
    return false;
  sweep_at_ = 0;
  due_ = next_due_;
  if (listed_.empty())
    std::vector<memory_room*>{}.swap(listed_);
  return true;
}

} // namespace hubbub::cluster
