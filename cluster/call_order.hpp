#pragma once

#include "broker/small_mutex.hpp"

#include <exception>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// Runs calls one after another, whichever threads they come from, and lets
/// none of these wait: who comes while another one is at it leaves the call with that one. Any thread.
class call_order {
public:
  /// Runs `f`, perhaps after this returns. What a call throws comes out when those behind it have run.
  template <class F>
  void run(F&& f) {
    {
      std::lock_guard lock{mutex_};
      if (busy_) {
        waiting_.emplace_back(std::forward<F>(f));
        return;
      }
      busy_ = true;
    }
    std::exception_ptr thrown;
    const auto attempt = [&thrown](auto& call) {
      try {
        call();
      } catch (...) {
        thrown = std::current_exception();
      }
    };
    attempt(f);
    for (std::vector<std::function<void()>> next;;) {
      {
        std::lock_guard lock{mutex_};
        if (waiting_.empty()) {
          busy_ = false;
          break;
        }
        next.clear();
        next.swap(waiting_);
      }
      for (auto& call : next)
        attempt(call);
    }
    if (thrown)
      std::rethrow_exception(thrown);
  }

private:
  broker::small_mutex mutex_;
  bool busy_ = false;
  std::vector<std::function<void()>> waiting_;
};

} // namespace hubbub::cluster
