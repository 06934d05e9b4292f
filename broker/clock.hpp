#pragma once

#include <atomic>
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
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

/// A clock that stands until it is told to go on. For tests. Any thread.
class manual_clock final : public clock {
public:
  [[nodiscard]] steady_time now() const noexcept override {
    return steady_time{} + std::chrono::hours{1} + milliseconds{passed_.load()};
  }
  [[nodiscard]] std::int64_t unix_ms() const noexcept override { return 1'700'000'000'000 + passed_.load(); }
  void advance(milliseconds by) { passed_ += by.count(); }

private:
  std::atomic<std::int64_t> passed_{0};
};

} // namespace hubbub::broker
