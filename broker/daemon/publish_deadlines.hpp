#pragma once

#include "broker/clock.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>

namespace caf {
class actor_system;
}

namespace hubbub::daemon {

class publish_request;

/// Gives up publishes that nobody has answered for too long. One timer for all of them: a steady
/// stream of requests that are answered in time costs a place in a list each, and no timer. Any thread.
class publish_deadlines : public std::enable_shared_from_this<publish_deadlines> {
public:
  publish_deadlines(caf::actor_system& system, std::chrono::milliseconds within)
      : system_{system}, within_{within} {}

  void add(const std::shared_ptr<publish_request>& r);

private:
  struct entry {
    broker::steady_time due;
    std::weak_ptr<publish_request> request;
  };
  /// What is answered at the front goes. With the lock.
  void forget_answered();
  /// Has `fire` called when the first is due. With the lock.
  void arm(broker::steady_time now);
  void fire();

  caf::actor_system& system_;
  const std::chrono::milliseconds within_;
  std::mutex mutex_;
  std::deque<entry> waiting_;
  bool armed_ = false;
};

} // namespace hubbub::daemon
