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

  /// For so long we have not read what came. 0 as long as none ever came back: it may be that none can.
  /// Without a connection nothing comes that could be late: then as at its loss, or less when what had come
  /// is read. What is behind that is still unread when there is a connection again, so it does not begin
  /// anew: the first beat that comes back shows that those before it are lost.
  [[nodiscard]] broker::milliseconds late(broker::steady_time now, bool is_connected);

private:
  struct beat {
    std::uint64_t number;
    broker::steady_time when;
  };
  const broker::milliseconds most_;
  // By number; not more than one of them is older than `most_`.
  std::deque<beat> on_their_way_;
  bool comes_back_ = false;
  /// When there last was a connection, or less.
  broker::milliseconds late_{0};
};

} // namespace hubbub::cluster
