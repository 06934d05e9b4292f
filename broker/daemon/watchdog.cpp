#include "broker/daemon/watchdog.hpp"

#include "broker/daemon/last_words.hpp"
#include "broker/stall_watch.hpp"

#include <utility>

namespace hubbub::daemon {
namespace {

constexpr std::chrono::milliseconds watch_beat{500};
// Four seconds: with the beat in which it is found, fewer than five.
constexpr unsigned most_still_beats = 8;
constexpr unsigned beats_per_wake = 2;

} // namespace

watchdog::watchdog(std::vector<watched> all, std::function<void()> wake, broker::log_sink& log)
    : all_{std::move(all)}, wake_{std::move(wake)}, log_{log}, thread_{[this] { run(); }} {}

watchdog::~watchdog() {
  {
    std::lock_guard hold{mutex_};
    over_ = true;
  }
  news_.notify_all();
  thread_.join();
}

void watchdog::expect_end(std::chrono::seconds within) {
  std::lock_guard hold{mutex_};
  if (ends_in_ == 0)
    ends_in_ = static_cast<std::uint64_t>(within / watch_beat) + 1;
}

void watchdog::run() {
  broker::stall_watch still{watch_beat, most_still_beats};
  std::vector<std::uint64_t> progress(all_.size());
  unsigned beats = 0;
  for (std::unique_lock hold{mutex_}; !over_;) {
    // With the mutex: nothing of it goes while it is looked at.
    if (ends_in_ != 0) {
      if (--ends_in_ == 0)
        leave(exit_stalled, log_, "watchdog", "the node did not stop in time: ends the process", {});
    } else {
      for (std::size_t i = 0; i < all_.size(); ++i)
        progress[i] = all_[i].progress();
      if (const auto found = still.look(std::chrono::steady_clock::now(), progress)) {
        const auto lasted = watch_beat * most_still_beats;
        const auto since = utc_text(std::chrono::system_clock::now() - lasted);
        leave(exit_stalled, log_, "watchdog", "stands still: ends the process",
              {{"what", all_[*found].name}, {"since", since}, {"for_ms", lasted.count()}});
      }
      if (beats++ % beats_per_wake == 0)
        wake_();
    }
    news_.wait_for(hold, watch_beat, [this] { return over_; });
  }
}

} // namespace hubbub::daemon
