#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

/// The numbers behind `metrics`: each loop counts into a cell of its own, on
/// a cache line of its own, and a scrape adds the cells up. What is not a loop
/// shares the last cell.
namespace hubbub::broker {

/// One number for each loop, and one for all other threads.
template <class T>
class metric_cells {
public:
  explicit metric_cells(std::uint32_t loops) : loops_{loops}, cells_{new cell[loops + 1]} {}

  /// `loop` must be the calling loop's index, or anything past the last loop's.
  void add(std::uint32_t loop, T by) noexcept {
    auto& c = cells_[loop < loops_ ? loop : loops_].value;
    if (loop < loops_) // one writer, so no locked instruction is needed
      c.store(c.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    else
      c.fetch_add(by, std::memory_order_relaxed);
  }
  [[nodiscard]] T sum() const noexcept {
    T all{};
    for (std::uint32_t i = 0; i <= loops_; ++i)
      all += cells_[i].value.load(std::memory_order_relaxed);
    return all;
  }

private:
  struct alignas(64) cell {
    std::atomic<T> value{};
  };
  std::uint32_t loops_;
  std::unique_ptr<cell[]> cells_;
};

/// The index that is no loop's.
inline constexpr std::uint32_t no_loop = ~std::uint32_t{0};

/// Counts what happened.
class metric_counter {
public:
  explicit metric_counter(std::uint32_t loops) : cells_{loops} {}
  void add(std::uint32_t loop, std::uint64_t by = 1) noexcept { cells_.add(loop, by); }
  [[nodiscard]] std::uint64_t value() const noexcept { return cells_.sum(); }

private:
  metric_cells<std::uint64_t> cells_;
};

/// Counts what is there. What one loop added, another may take away: only the sum means something.
class metric_gauge {
public:
  explicit metric_gauge(std::uint32_t loops) : cells_{loops} {}
  void add(std::uint32_t loop, std::int64_t by = 1) noexcept { cells_.add(loop, by); }
  void sub(std::uint32_t loop, std::int64_t by = 1) noexcept { cells_.add(loop, -by); }
  [[nodiscard]] std::int64_t value() const noexcept { return cells_.sum(); }

private:
  metric_cells<std::int64_t> cells_;
};

/// Counts values by size, in buckets that are fixed at the start.
class metric_histogram {
public:
  metric_histogram(std::uint32_t loops, std::vector<double> bounds)
      : bounds_{std::move(bounds)}, sum_{loops} {
    for (std::size_t i = 0; i <= bounds_.size(); ++i)
      buckets_.emplace_back(loops);
  }
  void observe(std::uint32_t loop, double value) noexcept {
    std::size_t i = 0;
    while (i < bounds_.size() && value > bounds_[i])
      ++i;
    buckets_[i].add(loop, 1);
    sum_.add(loop, value);
  }
  [[nodiscard]] const std::vector<double>& bounds() const noexcept { return bounds_; }
  /// Values in the bucket that ends at `bounds()[i]`, not in those before it; the last has no end.
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].sum(); }
  [[nodiscard]] double sum() const noexcept { return sum_.sum(); }

private:
  std::vector<double> bounds_;
  std::vector<metric_cells<std::uint64_t>> buckets_;
  metric_cells<double> sum_;
};

} // namespace hubbub::broker
