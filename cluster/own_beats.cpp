#include "cluster/own_beats.hpp"

#include <algorithm>
#include <chrono>

namespace hubbub::cluster {

void own_beats::sent(std::uint64_t number, broker::steady_time now) {
  on_their_way_.push_back({number, now});
  while (on_their_way_.size() > 1 && now - on_their_way_[1].when >= most_)
    on_their_way_.pop_front();
}

void own_beats::came_back(std::uint64_t number) {
  comes_back_ = true;
  while (!on_their_way_.empty() && on_their_way_.front().number <= number)
    on_their_way_.pop_front();
}

broker::milliseconds own_beats::late(broker::steady_time now, bool is_connected) {
  auto late = broker::milliseconds{0};
  if (comes_back_ && !on_their_way_.empty())
    late =
        std::min(std::chrono::duration_cast<broker::milliseconds>(now - on_their_way_.front().when), most_);
  late_ = is_connected ? late : std::min(late, late_);
  return late_;
}

} // namespace hubbub::cluster
