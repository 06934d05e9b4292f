#include "actors/session_directory.hpp"

#include <utility>

namespace hubbub::actors {

caf::strong_actor_ptr session_directory::take(broker::session_id session, const caf::strong_actor_ptr& who) {
  auto& s = of(session);
  std::lock_guard hold{s.mutex};
  auto& place = s.sessions[session];
  auto before = std::exchange(place, who);
  return before == who ? nullptr : before;
}

void session_directory::leave(broker::session_id session, const caf::strong_actor_ptr& who) {
  auto& s = of(session);
  std::lock_guard hold{s.mutex};
  const auto it = s.sessions.find(session);
  if (it != s.sessions.end() && it->second == who)
    s.sessions.erase(it);
}

bool session_directory::has(broker::session_id session, const caf::strong_actor_ptr& who) {
  auto& s = of(session);
  std::lock_guard hold{s.mutex};
  const auto it = s.sessions.find(session);
  return it != s.sessions.end() && it->second == who;
}

void session_directory::clear() {
  for (auto& s : shards_) {
    std::unordered_map<broker::session_id, caf::strong_actor_ptr> gone; // ends without the lock
    std::lock_guard hold{s.mutex};
    gone.swap(s.sessions);
  }
}

} // namespace hubbub::actors
