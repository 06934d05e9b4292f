#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
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

  /// Is this the thread the loop runs on? Any thread.
  [[nodiscard]] bool on_owner_thread() const noexcept {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  /// The rest is the loop's. Its thread, from `run` to its end.
  void own(std::thread::id thread) noexcept { owner_.store(thread, std::memory_order_relaxed); }
  /// Becomes readable (edge-triggered) when it shall turn.
  [[nodiscard]] int descriptor() const noexcept { return event_; }
  /// The next `wake` signals again. Call before looking for what it was about.
  void rearm() noexcept { woken_.exchange(false, std::memory_order_acq_rel); }
  [[nodiscard]] std::vector<std::function<void()>> take();
  void close();

private:
  const int event_;
  std::atomic<std::thread::id> owner_;
  std::atomic<bool> woken_ = false;
  std::atomic<bool> filled_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> jobs_;
  bool closed_ = false;
};

} // namespace hubbub::transport
