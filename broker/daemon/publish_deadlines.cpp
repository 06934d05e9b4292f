#include "broker/daemon/publish_deadlines.hpp"

#include "actors/reply_actor.hpp"
#include "broker/daemon/publish_request.hpp"

#include <caf/actor_clock.hpp>

#include <algorithm>
#include <vector>

namespace hubbub::daemon {

void publish_deadlines::add(const std::shared_ptr<publish_request>& r) {
  const auto now = system_.clock().now();
  std::lock_guard hold{mutex_};
  forget_answered();
  waiting_.push_back({now + within_, r});
  arm(now);
}

void publish_deadlines::forget_answered() {
  while (!waiting_.empty() && waiting_.front().request.expired())
    waiting_.pop_front();
}

void publish_deadlines::arm(broker::steady_time now) {
  if (armed_ || waiting_.empty())
    return;
  armed_ = true;
  // A little late, so that what came closely together is given up together.
  const auto when = std::max(waiting_.front().due, now + within_ / 16);
  auto bell = actors::reply_actor::make(system_, [all = weak_from_this()](actors::answer&) {
    if (auto here = all.lock())
      here->fire();
  });
  system_.clock().schedule_message(
      when, std::move(bell),
      caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, actors::answer{}));
}

void publish_deadlines::fire() {
  std::vector<std::shared_ptr<publish_request>> late;
  {
    std::lock_guard hold{mutex_};
    const auto now = system_.clock().now();
    armed_ = false;
    for (; !waiting_.empty() && waiting_.front().due <= now; waiting_.pop_front())
      if (auto r = waiting_.front().request.lock())
        late.push_back(std::move(r));
    forget_answered();
    arm(now);
  }
  for (auto& r : late)
    r->give_up("the log did not answer in time");
}

} // namespace hubbub::daemon
