#pragma once

#include "broker/clock.hpp"
#include "broker/log.hpp"
#include "broker/metrics.hpp"
#include "broker/supervisor.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// A node's tree of supervisors: the node above its rooms, its connections and its bus. A supervisor that
/// gives up is the node's crash, and the node bears none: it is to end, before it is half alive. Any thread.
class supervision {
public:
  /// Its children are the other three, and the event loops.
  supervisor node;
  supervisor rooms;
  supervisor connections;
  supervisor bus;

  supervision(const clock& time, log_sink& log, metrics& all);
  supervision(const supervision&) = delete;
  supervision& operator=(const supervision&) = delete;

  /// `ends` is called once, when the node is to end, on the thread that brought it about, or here when that
  /// was before; it must not wait.
  void on_end(std::function<void()> ends);
  /// The node is to end, or has.
  [[nodiscard]] bool over() const noexcept { return over_.load(std::memory_order_acquire); }
  /// Why; empty while it is not.
  [[nodiscard]] std::string why() const;

private:
  [[nodiscard]] supervisor::escalation tell_node(std::string_view from);
  void end(std::string_view why);

  std::function<void()> ends_;
  std::atomic<bool> over_{false};
  mutable std::mutex mutex_;
  std::string why_;
};

} // namespace hubbub::broker
