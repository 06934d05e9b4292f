#pragma once

#include "broker/log.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hubbub::daemon {

/// Watches, from a thread of its own, that loops and workers go on. When one has stood still for four seconds
/// it says which, and since when, and ends the process (`exit_stalled`): an orchestrator starts another one,
/// while one that is half alive would keep its clients waiting. A process that was stopped as a whole is
/// excused. Any thread.
class watchdog {
public:
  struct watched {
    /// As the log names it: `loop 0`.
    std::string name;
    /// Rises as long as it goes on.
    std::function<std::uint64_t()> progress;
  };
  /// `wake` is called every second and makes all who are well go on. Nothing that is called may wait.
  watchdog(std::vector<watched> all, std::function<void()> wake, broker::log_sink& log);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  /// The node stops: what was watched is not looked at any more when this returns, and the process is ended
  /// when this lives for longer than that.
  void expect_end(std::chrono::seconds within);

private:
  void run();

  const std::vector<watched> all_;
  const std::function<void()> wake_;
  broker::log_sink& log_;
  std::mutex mutex_;
  std::condition_variable news_;
  bool over_ = false;
  /// Beats until it must have ended; 0: it need not.
  std::uint64_t ends_in_ = 0;
  std::thread thread_;
};

} // namespace hubbub::daemon
