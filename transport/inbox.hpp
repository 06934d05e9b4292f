#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

namespace hubbub::transport {

/// How other threads reach a loop; it may outlive the loop, and then takes what it is given and drops it. Any
/// thread.
class inbox {
public:
  /// Throws `std::system_error` when the system has no descriptor left.
  inbox();
  ~inbox();
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;

  /// Runs `job` on the loop, soon and in order. Dropped once the loop has ended.
  void post(std::function<void()> job);
  /// Makes the loop turn; many calls before it does cost one system call.
  void wake() noexcept;

  /// The rest is the loop's: becomes readable (edge-triggered) when it shall turn.
  [[nodiscard]] int descriptor() const noexcept { return event_; }
  /// The next `wake` signals again. Call before looking for what it was about.
  void rearm() noexcept { woken_.exchange(false, std::memory_order_acq_rel); }
  [[nodiscard]] std::vector<std::function<void()>> take();
  void close();

private:
  const int event_;
  std::atomic<bool> woken_ = false;
  std::atomic<bool> filled_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> jobs_;
  bool closed_ = false;
};

} // namespace hubbub::transport
