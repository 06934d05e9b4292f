#pragma once

#include "broker/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hubbub::broker {

/// How often each address may come: a token bucket for each, as `rate_limit` is one. A table of fixed size,
/// as somebody who attacks may have any number of addresses: whose bucket is full is forgotten when there is
/// need, and where too many are not, that which is nearest to it. One thread at a time.
class address_rates {
public:
  /// `seed`: so that nobody can choose addresses that share a row.
  explicit address_rates(std::uint64_t seed) noexcept : seed_{seed}, random_{seed | 1} {}

  /// Takes a token of the `rate` that an address gets in a second. 0: it may come; else it may come again in
  /// so many milliseconds, each time others.
  [[nodiscard]] std::uint32_t take(std::string_view address, std::uint32_t rate, steady_time now);

  /// Addresses that it can remember.
  static constexpr std::size_t capacity = 65'536;

private:
  static constexpr std::size_t in_row = 4;
  struct bucket {
    std::uint64_t mark = 0;
    steady_time full_at{};
  };
  [[nodiscard]] std::uint64_t mark_of(std::string_view address) const noexcept;
  [[nodiscard]] bucket& bucket_of(std::uint64_t mark) noexcept;

  const std::uint64_t seed_;
  std::uint64_t random_;
  /// Made when it is needed: a megabyte.
  std::vector<bucket> buckets_;
};

} // namespace hubbub::broker
