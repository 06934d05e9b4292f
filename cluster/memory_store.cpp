#include "cluster/memory_store.hpp"

#include "cluster/epoch.hpp"

#include <chrono>

namespace hubbub::cluster {

memory_store::memory_store(const broker::namespaces& spaces, const broker::clock& time,
                           const std::shared_ptr<dedup_bound>& ids)
    : epoch{new_epoch()}, clock_{time}, others_{spaces.fallback()} {
  for (const auto& [name, rules] : spaces.declared())
    declared_.try_emplace(name, rules);
  for (auto& s : shards_)
    s = std::make_unique<memory_shard>(ids);
}

memory_space& memory_store::space_of(const broker::room_name& room) noexcept {
  const auto it = declared_.find(room.space());
  return it == declared_.end() ? others_ : it->second;
}

memory_shard& memory_store::shard_of(const broker::room_name& room) noexcept {
  // The shard's table uses the low bits of the same hash, which has 32.
  static_assert(shard_count == 64);
  const auto hash = std::hash<broker::room_name>{}(room);
  return *shards_[(hash >> 26) % shard_count];
}

std::int64_t memory_store::now() const noexcept {
  return std::chrono::duration_cast<broker::milliseconds>(clock_.now().time_since_epoch()).count();
}

std::optional<digest> memory_store::identity_of(const broker::event& e, const memory_space& in) const {
  if (e.event_id.empty() || in.rules.dedup_window.count() <= 0)
    return std::nullopt;
  return identity(key_, e);
}

} // namespace hubbub::cluster
