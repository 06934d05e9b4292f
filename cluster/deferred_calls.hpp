#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// Calls that are decided under a mutex and made without it: in the order of the decisions, one at a time,
/// and nobody waits: who comes while another thread is at it leaves them with that one.
class deferred_calls {
public:
  /// With the mutex held.
  template <class F>
  void add(F&& call) {
    calls_.emplace_back(std::forward<F>(call));
  }

  /// Makes them; `held` is the mutex, and is held again afterwards. What one throws comes out when the others
  /// were made.
  void run(std::unique_lock<std::mutex>& held) {
    if (std::exchange(busy_, true))
      return;
    std::exception_ptr thrown;
    for (std::vector<std::function<void()>> now; !calls_.empty(); now.clear()) {
      now.swap(calls_);
      held.unlock();
      for (auto& call : now) {
        try {
          call();
        } catch (...) {
          thrown = std::current_exception();
        }
        call = nullptr; // what it holds goes without the mutex
      }
      held.lock();
    }
    busy_ = false;
    if (thrown)
      std::rethrow_exception(thrown);
  }

private:
  std::vector<std::function<void()>> calls_;
  bool busy_ = false;
};

} // namespace hubbub::cluster
