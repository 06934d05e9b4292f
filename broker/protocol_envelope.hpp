#pragma once

#include "broker/json_text.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace hubbub::broker::protocol {

class json_walker;
enum class flaw : std::uint8_t;

/// The members of a command that mean something.
enum class field : std::uint8_t {
  op,
  id,
  room,
  type,
  data,
  key,
  event_id,
  echo,
  token,
  since,
  epoch,
  offset,
  history,
  presence,
  info,
  limit,
  before,
  after,
  method,
  ticket,
  rooms,
};
inline constexpr std::size_t fields = 21;

/// A member's name, as messages say it.
[[nodiscard]] std::string_view name(field f) noexcept;

/// What one element of a message holds: its members that are known, checked as JSON and not yet understood.
/// Refers to the walker's scratch copy.
struct envelope {
  /// One bit for each field.
  std::uint32_t present = 0;
  std::uint32_t twice = 0;
  bool is_object = false;
  /// Meaningful where `present` says so.
  std::array<json_text, fields> at;

  [[nodiscard]] bool has(field f) const noexcept { return present >> static_cast<unsigned>(f) & 1; }
  [[nodiscard]] const json_text& operator[](field f) const noexcept {
    return at[static_cast<std::size_t>(f)];
  }
};

} // namespace hubbub::broker::protocol
