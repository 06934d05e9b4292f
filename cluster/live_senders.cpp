#include "cluster/live_senders.hpp"

#include "cluster/nats_message.hpp"

#include <algorithm>

namespace hubbub::cluster {
namespace {

// Anybody may claim to be many.
constexpr std::size_t most_senders = 1024;
// Or to be another, and far ahead: then nothing of the real one would be shown until it has come so far.
constexpr std::uint64_t most_left_out = 65'536;

} // namespace

live_senders::heard live_senders::hear(std::string_view incarnation, std::uint64_t first, std::size_t count) {
  const auto dash = std::min(incarnation.rfind('-'), incarnation.size());
  const auto link = incarnation.substr(0, dash);
  const auto life = number_in(incarnation.substr(std::min(dash + 1, incarnation.size())));
  if (!senders_)
    senders_ = std::make_unique<table>();
  auto& all = *senders_;
  const auto it = all.find(link);
  if (it == all.end()) {
    if (all.size() == most_senders)
      all.erase(all.begin());
    // What it said before was perhaps said before anybody listened here.
    all.emplace(link, sender{life, first + count});
    return {};
  }
  auto& s = it->second;
  if (life < s.life)
    return {count, count};
  if (life > s.life)
    s = {life, 1}; // heard from its first event on: we have been here since its life before
  const auto next = s.next;
  if (first > next && first - next > most_left_out && first != s.doubtful_next) {
    s.doubtful_next = first + count;
    return {0, count, true};
  }
  s.next = std::max(next, first + count);
  if (first >= next)
    return {first - next, 0};
  return {0, std::min<std::uint64_t>(next - first, count)};
}

} // namespace hubbub::cluster
