// How a node empties itself, and stops.
#include "broker/daemon/node.hpp"

#include "actors/drain.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

namespace hubbub::daemon {
namespace {

// What stops in order has by then: the bus says farewell, the log is closed.
constexpr std::chrono::seconds stop_within{30};

} // namespace

void node::drain_once() const {
  // The process's main thread, which may wait for the end, takes it.
  if (!draining_)
    ::kill(::getpid(), drain_ordered);
}

void node::drain(const std::function<bool()>& pause) {
  serving_ = false;
  draining_ = true;
  if (!bus_.rosters)
    return;
  const auto begun = time_.now();
  const auto deadline = begun + how_.drain.deadline;
  log_.info("node", "draining", {{"grace_ms", how_.drain.grace.count()}, {"pace", how_.drain.pace}});
  bus_.rosters->drain();
  // Who is sent away is on its way to another node: it is not to be seen to leave here before it was seen to
  // come there.
  actors_->context().least_linger_ms = (how_.nats.lease + actors::drain::own_delay).count();
  for (const auto until = std::min(begun + how_.drain.grace, deadline); time_.now() < until;)
    if (pause())
      return;
  for (auto& l : listeners_)
    l->close();
  const auto left =
      std::chrono::duration_cast<broker::milliseconds>(deadline - time_.now() - drain_config::last_answers);
  actors::drain away{actors_->context().loops, how_.drain.pace, left, time_.now()};
  if (away.pace() > how_.drain.pace)
    log_.warn("node", "sends clients away faster than [drain] pace, to be done within [drain] deadline",
              {{"pace", static_cast<std::uint64_t>(away.pace())}, {"clients", away.left()}});
  while (away.go_on(time_.now()) || doors_.websockets.load() > 0)
    if (pause() || time_.now() >= deadline)
      return;
}

bool node::stop() {
  if (threads_.empty())
    return true;
  serving_ = false;
  watchdog_->expect_end(stop_within);
  for (auto& l : listeners_)
    l->close_all({broker::close_code::draining, "the server stops", 1000});
  // What was put in the control lanes gets a moment to leave.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  while (doors_.websockets.load() > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  if (loop_broke_)
    return false;
  if (orders_)
    orders_->close();
  for (auto& loop : loops_)
    loop->stop();
  for (auto& t : threads_)
    t.join();
  threads_.clear();
  admin_.reset();
  listeners_.clear();
  control_ = {};
  bus_ = {};
  workers_.reset();
  actors_.reset();
  return true;
}

} // namespace hubbub::daemon
