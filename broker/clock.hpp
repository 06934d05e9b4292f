#pragma once

#include <chrono>
#include <cstdint>

namespace hubbub::broker {

/// Time that only goes forward; for intervals and deadlines.
using steady_time = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

/// Where time comes from, so that tests can turn it. Any thread.
class clock {
public:
  virtual ~clock() = default;
  [[nodiscard]] virtual steady_time now() const noexcept = 0;
  /// Milliseconds since 1970.
  [[nodiscard]] virtual std::int64_t unix_ms() const noexcept = 0;
};

/// The machine's clock.
class system_clock final : public clock {
public:
  [[nodiscard]] steady_time now() const noexcept override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] std::int64_t unix_ms() const noexcept override {
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
};

/// A clock that stands until it is told to go on. For tests.
class manual_clock final : public clock {
public:
  [[nodiscard]] steady_time now() const noexcept override { return now_; }
  [[nodiscard]] std::int64_t unix_ms() const noexcept override { return unix_ms_; }
  void advance(milliseconds by) {
    now_ += by;
    unix_ms_ += by.count();
  }

private:
  steady_time now_ = steady_time{} + std::chrono::hours{1};
  std::int64_t unix_ms_ = 1'700'000'000'000;
};

} // namespace hubbub::broker
