#include "cluster/roster_asks.hpp"

#include <algorithm>
#include <chrono>

namespace hubbub::cluster {
namespace {

// What may come at once after a quiet time, as a share of a second's.
constexpr double burst = 0.1;

} // namespace

roster_asks::roster_asks(std::uint32_t per_second)
    : per_second_{std::max(1.0, static_cast<double>(per_second))}, budget_{per_second_ * burst} {}

void roster_asks::add_all(broker::owner_id of, std::deque<broker::room_name> rooms) {
  std::erase_if(later_, [of](const auto& l) { return l.second.of == of; });
  if (rooms.empty())
    rooms_.erase(of);
  else
    rooms_[of] = std::move(rooms);
}

void roster_asks::forget(broker::owner_id of) { add_all(of, {}); }

std::vector<roster_asks::batch> roster_asks::next(broker::steady_time now) {
  std::vector<batch> all;
  take_due(now);
  if (rooms_.empty())
    return all;
  earn(now);
  for (auto it = rooms_.begin(); it != rooms_.end() && budget_ >= 1;) {
    auto& [of, rooms] = *it;
    batch b{of, {}};
    while (!rooms.empty() && b.rooms.size() < most_in_batch && budget_ >= 1) {
      b.rooms.push_back(std::move(rooms.front()));
      rooms.pop_front();
      --budget_;
    }
    all.push_back(std::move(b));
    it = rooms.empty() ? rooms_.erase(it) : std::next(it);
  }
  return all;
}

void roster_asks::earn(broker::steady_time now) {
  const std::chrono::duration<double> passed = now - earned_;
  earned_ = now;
  budget_ = std::min(std::max(1.0, per_second_ * burst), budget_ + passed.count() * per_second_);
}

void roster_asks::take_due(broker::steady_time now) {
  std::erase_if(later_, [&](auto& l) {
    if (l.first > now)
      return false;
    auto& to = rooms_[l.second.of];
    std::move(l.second.rooms.begin(), l.second.rooms.end(), std::back_inserter(to));
    return true;
  });
}

} // namespace hubbub::cluster
