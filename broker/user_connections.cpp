#include "broker/user_connections.hpp"

namespace hubbub::broker {

void user_connections::place::give_back() noexcept {
  auto* const held = std::exchange(seat_, nullptr);
  if (!held)
    return;
  auto& s = *held->at;
  std::lock_guard hold{s.mutex};
  if (--held->shares != 0)
    return;
  const auto mine = s.users.find(*held->user);
  mine->second.erase(held->session); // and with it the seat
  if (mine->second.empty())
    s.users.erase(mine);
}

std::optional<user_connections::place> user_connections::take(const std::string& user, session_id session,
                                                              std::uint32_t most) {
  if (most == 0 || user.empty())
    return place{};
  auto& s = of(user);
  std::lock_guard hold{s.mutex};
  // Who has none yet gets one, so no user is left without.
  auto& [name, mine] = *s.users.try_emplace(user).first;
  auto there = mine.find(session);
  if (there == mine.end()) {
    if (mine.size() >= most)
      return std::nullopt;
    there = mine.emplace(session, seat{&s, &name, session}).first;
  }
  ++there->second.shares;
  return place{there->second};
}

user_connections::place user_connections::exchange(place held, session_id session) {
  if (!held.seat_)
    return {};
  auto& s = *held.seat_->at;
  std::lock_guard hold{s.mutex};
  auto& [name, mine] = *s.users.find(*held.seat_->user);
  auto& there = mine.try_emplace(session, seat{&s, &name, session}).first->second;
  ++there.shares;
  return place{there};
}

std::size_t user_connections::count(const std::string& user) {
  auto& s = of(user);
  std::lock_guard hold{s.mutex};
  const auto mine = s.users.find(user);
  return mine == s.users.end() ? 0 : mine->second.size();
}

} // namespace hubbub::broker
