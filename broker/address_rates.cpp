#include "broker/address_rates.hpp"

#include <algorithm>
#include <span>

namespace hubbub::broker {
namespace {

// Those who share an address are not to come again in the same moment.
constexpr std::uint32_t spread_ms = 1000;

} // namespace

std::uint32_t address_rates::take(std::string_view address, std::uint32_t rate, steady_time now) {
  using std::chrono::nanoseconds;
  const nanoseconds interval{1'000'000'000 / std::int64_t{std::max(rate, 1u)}};
  auto& b = bucket_of(mark_of(address));
  const auto missing = std::chrono::duration_cast<nanoseconds>(b.full_at - now) - interval * (rate - 1);
  if (missing > nanoseconds{0}) {
    // xorshift64 (Marsaglia, 2003): nobody's secret.
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return static_cast<std::uint32_t>(missing / nanoseconds{1'000'000}) + 1 +
           static_cast<std::uint32_t>(random_ % spread_ms);
  }
  b.full_at = std::max(b.full_at, now) + interval;
  return 0;
}

std::uint64_t address_rates::mark_of(std::string_view address) const noexcept {
  // FNV-1a, then the finaliser of MurmurHash3: the rows go by its lowest bits.
  auto mark = 0xcbf29ce484222325u ^ seed_;
  for (const auto c : address)
    mark = (mark ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  mark = (mark ^ (mark >> 33)) * 0xff51afd7ed558ccdu;
  mark = (mark ^ (mark >> 33)) * 0xc4ceb9fe1a85ec53u;
  return (mark ^ (mark >> 33)) | 1; // 0 is nobody's
}

address_rates::bucket& address_rates::bucket_of(std::uint64_t mark) noexcept {
  if (buckets_.empty())
    buckets_.resize(capacity);
  const std::span row{&buckets_[(mark >> 1) % (capacity / in_row) * in_row], in_row};
  if (const auto known = std::ranges::find(row, mark, &bucket::mark); known != row.end())
    return *known;
  auto& fullest = *std::ranges::min_element(row, {}, &bucket::full_at);
  fullest = {mark, {}};
  return fullest;
}

} // namespace hubbub::broker
