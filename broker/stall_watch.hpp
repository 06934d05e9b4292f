#pragma once

#include "broker/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hubbub::broker {

/// Finds out who stands still. Time is counted in the beats of whoever watches, and a beat that comes late
/// does not count: when the whole process was stopped (SIGSTOP, a debugger, a machine that slept), the
/// watcher was stopped with it. One thread.
class stall_watch {
public:
  /// Looks every `beat`; `most` beats without progress are too many.
  stall_watch(milliseconds beat, unsigned most) : beat_{beat}, most_{most} {}

  /// What each has done by now, always in the same order. The first that stands still, if any does.
  [[nodiscard]] std::optional<std::size_t> look(steady_time now, std::span<const std::uint64_t> progress) {
    const auto in_time = now - last_ <= 2 * beat_;
    last_ = now;
    rows_.resize(progress.size());
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      auto& r = rows_[i];
      if (!r.seen || r.progress != progress[i])
        r = {true, progress[i], 0};
      else if (in_time && ++r.beats >= most_ && !found)
        found = i;
    }
    return found;
  }

private:
  struct row {
    bool seen = false;
    std::uint64_t progress = 0;
    unsigned beats = 0;
  };
  const milliseconds beat_;
  const unsigned most_;
  steady_time last_{};
  std::vector<row> rows_;
};

} // namespace hubbub::broker
