#pragma once

#include "broker/errc.hpp"

#include <compare>
#include <functional>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// The name of a room: two or more tokens of `[A-Za-z0-9_=@,;:/-]` divided by
/// dots, at most 255 bytes; its first token, the namespace, has at most 64
/// bytes of `[A-Za-z0-9_-]`. It is the tail of a NATS subject.
/// Whoever holds one holds a valid one; only `parse` makes it from text.
class room_name {
public:
  /// Names no room. Messages between actors need it to exist.
  room_name() = default;

  /// Refuses with `bad_room` and a sentence that says what is wrong.
  [[nodiscard]] static result<room_name> parse(std::string_view text);

  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// The first token.
  [[nodiscard]] std::string_view space() const noexcept {
    return std::string_view{text_}.substr(0, text_.find('.'));
  }

  auto operator<=>(const room_name&) const = default;

  static constexpr std::size_t max_size = 255;

private:
  explicit room_name(std::string text) : text_{std::move(text)} {}
  std::string text_;
};

/// Is `text` a namespace's name?
[[nodiscard]] bool is_namespace_name(std::string_view text) noexcept;

} // namespace hubbub::broker

template <>
struct std::hash<hubbub::broker::room_name> {
  std::size_t operator()(const hubbub::broker::room_name& r) const noexcept {
    return std::hash<std::string>{}(r.str());
  }
};
