#pragma once

#include "broker/errc.hpp"
#include "broker/protocol_envelope.hpp"
#include "broker/room_name.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace hubbub::broker::protocol {

/// The fields of one command, taken one after the other until one is wrong. Every `take` is of a field that
/// must be there and returns false when it is not as it must be: `why` then names it.
class command_fields {
public:
  explicit command_fields(const envelope& from) : from_{from} {}

  [[nodiscard]] bool has(field f) const noexcept { return from_.has(f); }
  [[nodiscard]] refusal& why() noexcept { return why_; }

  [[nodiscard]] bool take_room(room_name& to);
  [[nodiscard]] bool take_string(field f, std::string& to);
  /// 1 to 128 printable bytes.
  [[nodiscard]] bool take_label(field f, std::string& to);
  /// Any JSON value of at most `limit` bytes, as it stands in the message; only if a line break stands
  /// between its tokens, which an event stream could not carry, the white space goes.
  [[nodiscard]] bool take_value(field f, std::size_t limit, std::string& to);
  [[nodiscard]] bool take_flag(field f, bool& to);
  [[nodiscard]] bool take_integer(field f, std::uint32_t lowest, std::uint32_t& to);
  [[nodiscard]] bool take_integer(field f, std::uint64_t lowest, std::uint64_t& to);
  [[nodiscard]] bool is_object(field f) { return is(f, json_kind::object, "must be an object"); }

  /// Where a value stands that is there.
  [[nodiscard]] std::string_view raw(field f) const noexcept { return from_[f].raw(); }

  /// Always false.
  bool refuse(errc code, field f, std::string_view what);
  bool refuse(field f, std::string_view what) { return refuse(errc::bad_command, f, what); }
  bool refuse(refusal why) {
    why_ = std::move(why);
    return false;
  }

private:
  [[nodiscard]] bool is(field f, json_kind kind, std::string_view what);

  const envelope& from_;
  refusal why_;
};

/// The text that a string means.
[[nodiscard]] std::string text_of(const json_text& string);

} // namespace hubbub::broker::protocol
