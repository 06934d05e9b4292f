#include "cluster/memory_room.hpp"

#include <algorithm>

namespace hubbub::cluster {

void memory_room::expire(std::int64_t now, leftovers& out) {
  if (events.empty() || !is_over(events.front().at, now))
    return;
  do {
    trimmed = events.front().what->offset;
    out.push_back(events.pop_front());
  } while (!events.empty() && is_over(events.front().at, now));
  events.shrink();
}

broker::stored_event_ptr memory_room::append(kept_event e) {
  head = e.what->offset;
  const auto most = space->rules.history_size;
  if (most == 0) {
    trimmed = head;
    return std::move(e.what);
  }
  broker::stored_event_ptr oldest;
  if (events.size() >= most) {
    trimmed = events.front().what->offset;
    oldest = events.pop_front();
  }
  events.push_back(std::move(e), most);
  return oldest;
}

broker::read_result memory_room::read(const broker::read_request& what, std::int64_t not_before) const {
  const auto too_old = events.before(not_before);
  const auto passed_over = too_old == 0 ? trimmed : events[too_old - 1].what->offset;
  broker::read_result out;
  out.head.offset = head;
  out.complete = what.after >= passed_over && what.after <= head;

  const auto first = std::max(too_old, events.up_to(what.after));
  const auto last = what.before == 0 ? events.size() : std::max(first, events.up_to(what.before - 1));
  std::size_t bytes = 0;
  const auto fits = [&](std::uint32_t taken, const broker::stored_event& e) {
    bytes += what.offsets_only ? 0 : broker::most_frame_bytes(e);
    return taken < what.limit && (taken == 0 || bytes <= what.limit_bytes);
  };
  auto from = first;
  auto to = last;
  if (what.newest) {
    from = last;
    while (from > first && fits(last - from, *events[from - 1].what))
      --from;
  } else {
    to = first;
    while (to < last && fits(to - first, *events[to].what))
      ++to;
  }
  out.more = to - from < last - first;
  out.events.reserve(to - from);
  for (auto i = from; i < to; ++i)
    out.events.push_back(events[i].what);
  return out;
}

} // namespace hubbub::cluster
