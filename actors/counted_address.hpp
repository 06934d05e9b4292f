#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace hubbub::actors {

/// What counts as one address where clients are told apart by theirs: an IPv4 address, also one written as
/// IPv6 (`::ffff:192.0.2.1`), or the network of an IPv6 address, its first 64 bits: whoever has one has all
/// of it. Other texts count as they are.
class counted_address {
public:
  explicit counted_address(std::string_view address) noexcept;

  /// `192.0.2.1` or `2001:db8:1:2::/64`. Valid as long as this is.
  [[nodiscard]] std::string_view str() const noexcept { return {text_.data(), size_}; }

private:
  void set(std::string_view text) noexcept;

  /// The longest IPv6 address has 45 characters.
  std::array<char, 64> text_;
  std::size_t size_ = 0;
};

} // namespace hubbub::actors
