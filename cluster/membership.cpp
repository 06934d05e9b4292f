#include "cluster/membership.hpp"

#include <algorithm>

namespace hubbub::cluster {
namespace {

// Nothing is on its way for so many leases.
constexpr int remembered_leases = 10;
constexpr std::size_t most_remembered = 1'000;

} // namespace

bool membership::hear(const beat_message& beat, broker::steady_time now, changes& to) {
  if (beat.owner == self_ || is_over(beat.owner))
    return false;
  if (const auto* other = find(beat.node); other != nullptr && other->owner != beat.owner) {
    if (std::pair{other->started_ms, other->owner} > std::pair{beat.started_ms, beat.owner})
      return false; // from before that life began
    end(other->owner, now, to);
  }
  if (!hear(beat.owner, now, to))
    return false;
  auto& node = alive_.at(beat.owner);
  node.heard = now;
  node.name = beat.node;
  node.started_ms = beat.started_ms;
  node.draining = beat.draining;
  node.keeps_occupancy = beat.keeps_occupancy;
  if (!to.empty() && to.back().owner == beat.owner)
    to.back().name = beat.node;
  return true;
}

bool membership::hear(broker::owner_id who, broker::steady_time now, changes& to) {
  if (who == self_ || is_over(who))
    return false;
  if (alive_.contains(who))
    return true;
  if (alive_.size() >= most_)
    return false;
  living_node node;
  node.owner = who;
  node.since = node.heard = now;
  alive_.emplace(who, std::move(node));
  to.push_back({who, true, {}});
  return true;
}

void membership::farewell(broker::owner_id who, broker::steady_time now, changes& to) {
  if (who != self_ && !is_over(who))
    end(who, now, to);
}

void membership::expire(broker::steady_time now, changes& to, broker::milliseconds late) {
  std::erase_if(alive_, [&](const auto& node) {
    if (now - node.second.heard < lease_ + late)
      return false;
    to.push_back({node.first, false, node.second.name});
    return true;
  });
  std::erase_if(over_, [now](const auto& o) { return o.first <= now; });
}

void membership::excuse(broker::steady_time now, broker::milliseconds more) {
  for (auto& [_, node] : alive_)
    node.heard = std::max(node.heard, now - lease_ + more);
}

living_node* membership::find(const std::string& name) {
  const auto it =
      std::find_if(alive_.begin(), alive_.end(), [&](const auto& node) { return node.second.name == name; });
  return it == alive_.end() ? nullptr : &it->second;
}

void membership::end(broker::owner_id who, broker::steady_time now, changes& to) {
  if (over_.size() >= most_remembered)
    over_.erase(over_.begin());
  over_.emplace_back(now + remembered_leases * lease_, who);
  const auto it = alive_.find(who);
  if (it == alive_.end())
    return;
  to.push_back({who, false, it->second.name});
  alive_.erase(it);
}

bool membership::is_over(broker::owner_id who) const {
  return std::any_of(over_.begin(), over_.end(), [who](const auto& o) { return o.second == who; });
}

} // namespace hubbub::cluster
