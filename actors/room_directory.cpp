#include "actors/room_directory.hpp"

#include "actors/loop_unit.hpp"

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_actor.hpp>

#include <algorithm>

namespace hubbub::actors {

room_directory::room_directory(node_context& node)
    // Above what any room of an earlier process could reach with its presence versions, and below 2^53.
    : node_{node}, generation_{static_cast<std::uint64_t>(node.time.unix_ms()) << 10} {}

room_ref room_directory::resolve(const broker::room_name& name) {
  auto& s = of(name);
  std::lock_guard hold{s.mutex};
  auto& r = s.rooms[name];
  if (!r) {
    r = make(name);
    size_.fetch_add(1, std::memory_order_relaxed);
  }
  return r;
}

room_ref room_directory::find(const broker::room_name& name) {
  auto& s = of(name);
  std::lock_guard hold{s.mutex};
  const auto it = s.rooms.find(name);
  return it == s.rooms.end() ? room_ref{} : it->second;
}

room_ref room_directory::make(const broker::room_name& name) {
  const auto generation = generation_.fetch_add(1u << 10, std::memory_order_relaxed) + (1u << 10);
  auto& home = *node_.loops[std::hash<broker::room_name>{}(name) / shards % node_.loops.size()];
  caf::actor_config how;
  return {caf::make_actor<room_actor, caf::strong_actor_ptr>(
      node_.system->next_actor_id(), node_.system->node(), node_.system, how, node_, name, generation, home)};
}

broker::refusal room_directory::why_not(const broker::room_name& name) {
  if (const auto wait = held_for(name); wait.count() != 0)
    return {broker::errc::unavailable, "the room keeps failing, and is made anew later: " + name.str(),
            static_cast<std::uint32_t>(wait.count())};
  return {broker::errc::overloaded, "the room has more to do than it can: " + name.str(),
          broker::retry_soon_ms};
}

void room_directory::hold(const broker::room_name& name, broker::milliseconds wait) {
  const auto now = node_.time.now();
  auto& s = of(name);
  std::lock_guard hold{s.mutex};
  const auto over = std::erase_if(s.held, [now](const auto& one) { return one.second <= now; });
  const auto fresh = s.held.insert_or_assign(name, now + wait).second;
  held_.fetch_add((fresh ? 1 : 0) - over, std::memory_order_relaxed);
}

broker::milliseconds room_directory::held_for(const broker::room_name& name) {
  const auto now = node_.time.now();
  auto& s = of(name);
  std::lock_guard hold{s.mutex};
  const auto it = s.held.find(name);
  if (it == s.held.end())
    return broker::milliseconds{0};
  if (it->second > now)
    return std::chrono::ceil<broker::milliseconds>(it->second - now);
  s.held.erase(it);
  held_.fetch_sub(1, std::memory_order_relaxed);
  return broker::milliseconds{0};
}

void room_directory::remove(const broker::room_name& name, const room_actor* which) {
  room_ref gone; // let go outside the lock
  auto& s = of(name);
  std::lock_guard hold{s.mutex};
  const auto it = s.rooms.find(name);
  if (it == s.rooms.end() || it->second.get() != which)
    return;
  gone = std::move(it->second);
  s.rooms.erase(it);
  size_.fetch_sub(1, std::memory_order_relaxed);
}

void room_directory::clear() {
  for (auto& s : shards_) {
    std::unordered_map<broker::room_name, room_ref> all;
    {
      std::lock_guard hold{s.mutex};
      all.swap(s.rooms);
    }
    // Here and now: CAF's clock may hold the last reference to a room that waits for something, and a room's
    // end is told to that clock through a short queue. Ended by the clock's own thread, many would fill it,
    // and it would wait for itself.
    for (auto& [name, r] : all)
      r->cleanup(caf::exit_reason::user_shutdown, nullptr);
  }
}

std::vector<room_directory::row> room_directory::list(std::string_view prefix, std::string_view after,
                                                      std::size_t limit) {
  std::vector<row> found;
  for (auto& s : shards_) {
    std::lock_guard hold{s.mutex};
    for (const auto& [name, r] : s.rooms)
      if (name.str().starts_with(prefix) && name.str() > after)
        found.push_back({name.str(), r->readers(), r->people(), r->offset()});
  }
  std::sort(found.begin(), found.end(), [](const row& a, const row& b) { return a.room < b.room; });
  if (found.size() > limit)
    found.resize(limit);
  return found;
}

} // namespace hubbub::actors
