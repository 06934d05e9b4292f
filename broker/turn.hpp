#pragma once

#include "broker/clock.hpp"

#include <chrono>
#include <cstdint>

/// The turn of an event loop: wait; read everything that is readable; let the
/// actors decide; write once per socket. `transport` turns, `actors` decides,
/// and neither includes the other.
namespace hubbub::broker {

/// What an event loop does between reading and writing. Its loop only.
class turn_phases {
public:
  virtual ~turn_phases() = default;

  /// Runs what was woken: a bounded number of messages.
  virtual void decide() = 0;
  /// Sends each room's news to its readers on this loop.
  virtual void send_news() = 0;
  /// Is there something left to do, so that the loop must not wait?
  [[nodiscard]] virtual bool wants_another() const noexcept = 0;
  /// Called about every 100 ms while connections are open, and every second otherwise.
  virtual void tick(steady_time now) = 0;
};

/// An event loop, as actors see it.
class loop {
public:
  virtual ~loop() = default;

  /// Makes the loop turn soon. Any thread; many calls before that turn cost one wake-up.
  virtual void wake() noexcept = 0;
  [[nodiscard]] virtual bool on_this_thread() const noexcept = 0;
  /// 0 to N-1.
  [[nodiscard]] virtual std::uint32_t index() const noexcept = 0;
  /// The time at which this turn began. Its loop only.
  [[nodiscard]] virtual steady_time now() const noexcept = 0;
  /// How long what was ready waited at most, in the last second or two, for the loop to come to it. Any
  /// thread.
  [[nodiscard]] virtual std::chrono::nanoseconds lag() const noexcept { return {}; }
  /// Somebody here was ready and waited so long, although each turn was shorter. Its loop only.
  virtual void waited(std::chrono::nanoseconds) noexcept {}
  /// Turns that have ended: when it stands still although the loop was woken, the loop hangs. Any thread.
  [[nodiscard]] virtual std::uint64_t turns() const noexcept { return 0; }
};

} // namespace hubbub::broker
