#include "broker/attendance.hpp"

namespace hubbub::broker {

void attendance::add(session_id who, std::uint32_t loop, bool presence) {
  seats_.emplace(who, seat{loop, presence});
  ++on_[loop].all;
  loops_ |= feed::bit(loop);
  if (presence) {
    ++on_[loop].presence;
    presence_loops_ |= feed::bit(loop);
  }
}

bool attendance::remove(session_id who) {
  const auto found = seats_.find(who);
  if (found == seats_.end())
    return false;
  const auto [loop, presence] = found->second;
  if (--on_[loop].all == 0)
    loops_ &= ~feed::bit(loop);
  if (presence && --on_[loop].presence == 0)
    presence_loops_ &= ~feed::bit(loop);
  seats_.erase(found);
  return true;
}

} // namespace hubbub::broker
