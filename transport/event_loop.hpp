#pragma once

#include "broker/clock.hpp"
#include "broker/loop_lag.hpp"
#include "broker/turn.hpp"
#include "transport/inbox.hpp"
#include "transport/pollable.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace hubbub::transport {

/// One thread's sockets and its turn, which never changes: wait; read what is
/// readable; let the actors decide; send the news; flush; bury what has ended.
///
/// Functions are for the loop's own thread unless they say otherwise.
class event_loop final : public broker::loop {
public:
  /// Throws `std::system_error` when the system has no descriptor left.
  event_loop(std::uint32_t index, const broker::clock& time);
  ~event_loop() override;
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Before `run`. Without phases the loop still does I/O.
  void attach(broker::turn_phases& phases) { phases_ = &phases; }
  /// Before `run`: loops that are more than cores let each other run between two turns of a long walk. Else
  /// one would walk on for its whole slice of time, with events that the next one has to publish first.
  void share_core() noexcept { shares_core_ = true; }
  /// Turns on the calling thread until `stop`. Then all sockets are dropped, their handlers
  /// are told, and the phases decide a last time.
  void run();
  /// Any thread; also before `run`.
  void stop() noexcept;
  /// Runs `job` on the loop, in order. Any thread; dropped once the loop has ended.
  void post(std::function<void()> job) { inbox_->post(std::move(job)); }

  void wake() noexcept override;
  [[nodiscard]] bool on_this_thread() const noexcept override { return inbox_->on_owner_thread(); }
  [[nodiscard]] std::uint32_t index() const noexcept override { return index_; }
  [[nodiscard]] broker::steady_time now() const noexcept override { return now_; }
  [[nodiscard]] std::chrono::nanoseconds lag() const noexcept override {
    return lag_.value(std::chrono::steady_clock::now());
  }
  void waited(std::chrono::nanoseconds length) noexcept override { lag_.waited(began_, length); }
  [[nodiscard]] std::uint64_t turns() const noexcept override { return lag_.turns(); }

  /// The same `post` for those who may outlive the loop. Any thread.
  [[nodiscard]] const std::shared_ptr<inbox>& remote() const noexcept { return inbox_; }

  // For the sockets of this module.

  /// Any thread. False: the system refused.
  [[nodiscard]] bool watch(int descriptor, std::uint32_t events, pollable& who) noexcept;
  void rewatch(int descriptor, std::uint32_t events, pollable& who) noexcept;
  void unwatch(int descriptor) noexcept;
  /// How many sockets there are decides how often it ticks.
  void socket_opened() noexcept { ++sockets_; }
  void socket_closed() noexcept { --sockets_; }

  /// Each asks for one call: callers keep a flag and do not ask twice.
  void again(pollable& who) { again_.push_back(&who); }
  void flush_later(pollable& who) { dirty_.push_back(&who); }
  void bury(pollable& who) { buried_.push_back(&who); }

  void add(resident& who) { residents_.push_back(&who); }
  void remove(resident& who);

  /// Where Beast posts; `posted` makes this turn run it.
  [[nodiscard]] boost::asio::io_context& io() noexcept { return *io_; }
  void posted() noexcept { posted_ = true; }

private:
  void turn();
  void wait();
  void run_again();
  void run_jobs();
  void tick();
  void flush();
  void bury_all();
  void finish();
  [[nodiscard]] bool busy() const noexcept;

  const std::uint32_t index_;
  const broker::clock& time_;
  const int epoll_;
  std::shared_ptr<inbox> inbox_;
  std::unique_ptr<boost::asio::io_context> io_;
  broker::turn_phases* phases_ = nullptr;
  bool shares_core_ = false;
  std::atomic<bool> stopping_ = false;
  bool posted_ = false;
  bool woken_here_ = false;
  std::size_t sockets_ = 0;
  broker::steady_time now_;
  // Waiting and turning follow the machine's clock, whatever `time_` is: when it last ticked, when this turn
  // began and the one before ended.
  std::chrono::steady_clock::time_point ticked_, began_, ended_;
  broker::loop_lag lag_;
  std::vector<pollable*> again_;
  std::vector<pollable*> running_;
  std::vector<pollable*> dirty_;
  std::vector<pollable*> buried_;
  std::vector<resident*> residents_;
};

} // namespace hubbub::transport
