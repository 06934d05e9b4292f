#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// One client session, cluster-wide: 64 random bits; 0 is nobody.
struct session_id {
  std::uint64_t value = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return value != 0; }
  auto operator<=>(const session_id&) const = default;

  /// A new one from the system's random source.
  [[nodiscard]] static session_id random();
  /// 16 hexadecimal digits.
  [[nodiscard]] std::string str() const;
  /// Reads what `str` wrote; nobody when it is anything else.
  [[nodiscard]] static session_id parse(std::string_view text) noexcept;
};

} // namespace hubbub::broker

template <>
struct std::hash<hubbub::broker::session_id> {
  std::size_t operator()(hubbub::broker::session_id s) const noexcept { return s.value; }
};
