#include "cluster/dedup_table.hpp"

#include <charconv>

namespace hubbub::cluster {

digest identity(const siphash_key& key, const broker::event& e) {
  // Lengths first, so that no two different triples make the same text.
  char sizes[48];
  auto* at = std::to_chars(sizes, sizes + 20, e.room.str().size()).ptr;
  *at++ = ',';
  at = std::to_chars(at, at + 20, e.from.size()).ptr;
  *at++ = e.from_backend ? '!' : ':';
  std::string text;
  text.reserve(sizeof sizes + e.room.str().size() + e.from.size() + e.event_id.size());
  text.append(sizes, at).append(e.room.str()).append(e.from).append(e.event_id);
  return siphash(key, text);
}

std::uint64_t dedup_table::find(const digest& id, std::int64_t now) const noexcept {
  const auto it = known_.find(id);
  return it == known_.end() || it->second.expires <= now ? 0 : it->second.offset;
}

void dedup_table::add(const digest& id, std::uint64_t offset, std::int64_t expires, std::int64_t now) {
  // Another table may have taken the place meanwhile. Who has little gives nothing up for those who have
  // much, and they give it up with their next one.
  while (order_.size() > bound_->each && bound_->held.load(std::memory_order_relaxed) >= bound_->most) {
    if (order_.front().expires > now)
      bound_->forgotten_early.fetch_add(1, std::memory_order_relaxed);
    forget_oldest();
  }
  known_.insert_or_assign(id, first_seen{offset, expires});
  order_.push_back({id, expires});
  bound_->held.fetch_add(1, std::memory_order_relaxed);
}

void dedup_table::sweep(std::int64_t now, std::size_t budget) {
  for (; budget > 0 && !order_.empty() && order_.front().expires <= now; --budget)
    forget_oldest();
}

void dedup_table::forget_oldest() noexcept {
  // A later `add` of the same id has its own place in the order.
  const auto& oldest = order_.front();
  if (const auto it = known_.find(oldest.id); it != known_.end() && it->second.expires == oldest.expires)
    known_.erase(it);
  order_.pop_front();
  bound_->held.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace hubbub::cluster
