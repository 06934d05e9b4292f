#pragma once

#include "broker/clock.hpp"

#include <cstddef>
#include <deque>

namespace hubbub::broker {

/// How often something may be restarted within a period, as OTP's supervisors
/// count it (Erlang/OTP design principles, "Maximum Restart Intensity").
class restart_intensity {
public:
  restart_intensity(std::size_t restarts, milliseconds within) : restarts_{restarts}, within_{within} {}

  /// Notes a crash. False: there were too many; it must not be restarted now.
  [[nodiscard]] bool note(steady_time now) {
    while (!crashes_.empty() && now - crashes_.front() > within_)
      crashes_.pop_front();
    if (crashes_.size() > restarts_)
      crashes_.pop_front();
    crashes_.push_back(now);
    return crashes_.size() <= restarts_;
  }
  [[nodiscard]] bool quiet(steady_time now) const {
    return crashes_.empty() || now - crashes_.back() > within_;
  }

private:
  std::size_t restarts_;
  milliseconds within_;
  std::deque<steady_time> crashes_;
};

} // namespace hubbub::broker
