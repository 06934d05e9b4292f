#include "actors/drain.hpp"

#include "actors/loop_unit.hpp"

#include <algorithm>

namespace hubbub::actors {
namespace {

// What was not used of the pace is not caught up with beyond this: a stopped process is not to send a burst.
constexpr double longest_step = 0.1;

} // namespace

drain::drain(const std::vector<loop_unit*>& loops, std::uint32_t pace, broker::milliseconds within,
             broker::steady_time now)
    : loops_{loops}, pace_{static_cast<double>(pace)}, last_{now} {
  const auto seconds = std::max(std::chrono::duration<double>(within).count(), 0.001);
  pace_ = std::max(pace_, static_cast<double>(left()) / seconds);
}

std::uint32_t drain::left() const noexcept {
  std::uint32_t all = 0;
  for (const auto* loop : loops_)
    all += loop->at_home();
  return all;
}

bool drain::go_on(broker::steady_time now) {
  const std::chrono::duration<double> passed = now - last_;
  last_ = now;
  due_ += pace_ * std::min(passed.count(), longest_step);
  auto some = static_cast<std::uint32_t>(due_);
  due_ -= some;
  // Each loop its share; what does not divide goes to each in turn.
  std::uint32_t all = 0;
  std::uint32_t sent = 0;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    auto& loop = *loops_[(next_loop_ + i) % loops_.size()];
    const auto here = loop.at_home();
    all += here;
    const auto others = static_cast<std::uint32_t>(loops_.size() - i);
    const auto share = std::min(here, (some + others - 1) / others);
    if (share == 0)
      continue;
    loop.send_home(share, own_delay);
    some -= share;
    sent += share;
  }
  // What the last ones had nobody for is due next time, as long as there is somebody: loops with few clients
  // must not slow the others down.
  due_ += std::min(some, all - sent);
  ++next_loop_;
  return all != 0;
}

} // namespace hubbub::actors
