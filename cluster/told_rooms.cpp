#include "cluster/told_rooms.hpp"

#include <algorithm>

namespace hubbub::cluster {

void told_rooms::note(room_key room, std::uint64_t number) {
  if (put(room, number))
    turn_.push_front(room);
}

void told_rooms::note_again(room_key room, std::uint64_t number) {
  if (put(room, number))
    turn_.push_back(room);
}

bool told_rooms::put(room_key room, std::uint64_t number) {
  if (rooms_.size() >= most_ && !rooms_.contains(room)) {
    rooms_.erase(turn_.back());
    turn_.pop_back();
  }
  const auto [it, fresh] = rooms_.try_emplace(room);
  it->second = {number, beats_};
  return fresh;
}

std::vector<told_room> told_rooms::next(std::size_t most) {
  std::vector<told_room> named;
  const auto n = std::min(most, turn_.size());
  named.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto room = turn_.front();
    turn_.pop_front();
    const auto it = rooms_.find(room);
    named.push_back({room, it->second.number});
    if (--it->second.beats_left > 0)
      turn_.push_back(room);
    else
      rooms_.erase(it);
  }
  return named;
}

} // namespace hubbub::cluster
