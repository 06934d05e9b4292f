#pragma once

#include "broker/feed.hpp"
#include "broker/turn.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace hubbub::actors {

/// What other threads left for a loop: one lock and one wake-up for many. Never refuses, as CAF believes that
/// what was put here is scheduled. Any thread puts, the loop takes.
class loop_inbox {
public:
  struct mail {
    caf::strong_actor_ptr to;
    caf::mailbox_element_ptr what;
  };
  struct contents {
    /// Each holds a reference for being there.
    std::vector<caf::resumable*> ready;
    std::vector<mail> letters;
    std::vector<std::function<void()>> jobs;
    std::vector<broker::feed_ptr> news;
    std::vector<broker::feed_ptr> presence;
  };

  explicit loop_inbox(broker::loop& loop) noexcept : loop_{loop} {}

  template <class T>
  void put(std::vector<T> contents::*where, T what) {
    {
      std::lock_guard hold{mutex_};
      (shared_.*where).push_back(std::move(what));
    }
    if (!has_mail_.exchange(true, std::memory_order_acq_rel))
      loop_.wake();
  }

  /// False: nothing came since. `into` is empty, and its memory serves what comes next.
  [[nodiscard]] bool take(contents& into) {
    if (!has_mail_.exchange(false, std::memory_order_acq_rel))
      return false;
    take_now(into);
    return true;
  }
  /// Also what the loop was not woken for yet.
  void take_now(contents& into) {
    std::lock_guard hold{mutex_};
    std::swap(into, shared_);
  }
  [[nodiscard]] bool has_mail() const noexcept { return has_mail_.load(std::memory_order_acquire); }

private:
  broker::loop& loop_;
  std::mutex mutex_;
  contents shared_; // guarded by mutex_
  std::atomic<bool> has_mail_{false};
};

} // namespace hubbub::actors
