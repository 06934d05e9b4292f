#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string_view>

namespace hubbub::cluster {

/// 128 bits that stand for a text: equal for equal texts, and nobody who does
/// not know the key can find two texts for which they are.
struct digest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  auto operator<=>(const digest&) const = default;
};

using siphash_key = std::array<std::uint64_t, 2>;

/// SipHash-2-4 with 128 bits (Aumasson, Bernstein).
[[nodiscard]] digest siphash(const siphash_key& key, std::string_view text) noexcept;
/// A random key.
[[nodiscard]] siphash_key new_siphash_key();

} // namespace hubbub::cluster

template <>
struct std::hash<hubbub::cluster::digest> {
  std::size_t operator()(const hubbub::cluster::digest& d) const noexcept { return d.low; }
};
