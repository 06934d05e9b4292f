#pragma once

#include <exception>
#include <utility>

namespace hubbub::cluster {

/// Calls of which each is owed, whatever another throws. The maker's thread.
class attempts {
public:
  template <class F>
  void make(F&& call) noexcept {
    try {
      std::forward<F>(call)();
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }
  /// What the last one threw that did; nothing if none has. When all were made.
  void rethrow() const {
    if (thrown_)
      std::rethrow_exception(thrown_);
  }

private:
  std::exception_ptr thrown_;
};

} // namespace hubbub::cluster
