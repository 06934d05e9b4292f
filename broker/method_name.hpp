#pragma once

#include "broker/room_name.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace hubbub::broker {

/// What a client may call: a room name's grammar, at most 128 bytes. It is the tail of a NATS subject.
/// Whoever holds one holds a valid one; only `parse` makes it from text.
class method_name {
public:
  /// Names no method. Commands need it to exist.
  method_name() = default;

  /// Refuses with `bad_command`.
  [[nodiscard]] static result<method_name> parse(std::string_view text) {
    if (text.size() > max_size || !room_name::parse(text))
      return refusal{errc::bad_command, "a method has a room's grammar and at most 128 bytes"};
    return method_name{std::string{text}};
  }

  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  /// The first token.
  [[nodiscard]] std::string_view space() const noexcept {
    return std::string_view{text_}.substr(0, text_.find('.'));
  }

  bool operator==(const method_name&) const = default;

  static constexpr std::size_t max_size = 128;

private:
  explicit method_name(std::string text) : text_{std::move(text)} {}
  std::string text_;
};

} // namespace hubbub::broker
