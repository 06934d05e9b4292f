#pragma once

#include "broker/clock.hpp"

#include <cstdint>
#include <deque>

namespace hubbub::cluster {

/// Our own beats, as they come back to us: how far behind we are in reading what was sent to us. What the
/// others have said since the oldest that is still on its way went out, we have not read either. One thread
/// at a time.
class own_beats {
public:
  /// Longer than `most` is not told of: a beat that takes so long may be lost.
  explicit own_beats(broker::milliseconds most) : most_{most} {}

  /// Numbers rise.
  void sent(std::uint64_t number, broker::steady_time now);
  void came_back(std::uint64_t number);
  /// The connection is another one: what was on its way is lost.
  void begin_anew();

  /// For so long we have not read what came. 0 as long as none ever came back: it may be that none can.
  [[nodiscard]] broker::milliseconds late(broker::steady_time now) const;

private:
  struct beat {
    std::uint64_t number;
    broker::steady_time when;
  };
  const broker::milliseconds most_;
  // By number; not more than one of them is older than `most_`.
  std::deque<beat> on_their_way_;
  bool comes_back_ = false;
};

} // namespace hubbub::cluster
