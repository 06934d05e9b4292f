#pragma once

#include "actors/fwd.hpp"
#include "broker/clock.hpp"

#include <cstdint>
#include <vector>

namespace hubbub::actors {

/// Sends a node's clients home at a pace, so that the nodes they come to can bear it. One thread; it looks at
/// the loops, which do what it says.
class drain {
public:
  /// Each client is told to wait a time of its own of this length at most. The pace itself spreads them; this
  /// evens out those who are sent in one go.
  static constexpr broker::milliseconds own_delay{1000};

  /// At `pace` clients a second in all; faster when that would take longer than `within`.
  drain(const std::vector<loop_unit*>& loops, std::uint32_t pace, broker::milliseconds within,
        broker::steady_time now);

  /// Clients a second that it will send home.
  [[nodiscard]] double pace() const noexcept { return pace_; }
  /// Sends home what is due by now; to be called many times a second. False: all have been sent.
  bool go_on(broker::steady_time now);
  /// Those who have not been sent home, who may have come since.
  [[nodiscard]] std::uint32_t left() const noexcept;

private:
  const std::vector<loop_unit*>& loops_;
  double pace_;
  broker::steady_time last_;
  /// Those who are due and not sent yet: the part of one, mostly.
  double due_ = 1;
  std::size_t next_loop_ = 0;
};

} // namespace hubbub::actors
