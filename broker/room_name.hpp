#pragma once

#include "broker/errc.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// The name of a room: two or more tokens of `[A-Za-z0-9_=@,;:/-]` divided by
/// dots, at most 255 bytes; its first token, the namespace, has at most 64
/// bytes of `[A-Za-z0-9_-]`. It is the tail of a NATS subject.
/// Whoever holds one holds a valid one; only `parse` makes it from text. All copies
/// share the text, of which a room would have nine else. Any thread.
class room_name {
public:
  /// Names no room. Messages between actors need it to exist.
  room_name() = default;

  /// Refuses with `bad_room` and a sentence that says what is wrong.
  [[nodiscard]] static result<room_name> parse(std::string_view text);

  [[nodiscard]] const std::string& str() const noexcept { return shared_ ? shared_->text : nothing(); }
  [[nodiscard]] bool empty() const noexcept { return !shared_; }
  /// The first token.
  [[nodiscard]] std::string_view space() const noexcept {
    return std::string_view{str()}.substr(0, str().find('.'));
  }
  [[nodiscard]] std::size_t hash() const noexcept { return shared_ ? shared_->hash : 0; }

  [[nodiscard]] bool operator==(const room_name& other) const noexcept {
    return shared_ == other.shared_ || (hash() == other.hash() && str() == other.str());
  }
  [[nodiscard]] auto operator<=>(const room_name& other) const noexcept { return str() <=> other.str(); }

  static constexpr std::size_t max_size = 255;

private:
  struct shared_text : boost::intrusive_ref_counter<shared_text, boost::thread_safe_counter> {
    explicit shared_text(std::string_view t)
        : hash{static_cast<std::uint32_t>(std::hash<std::string_view>{}(t))}, text{t} {}
    const std::uint32_t hash; // beside the counter, where it takes no room
    const std::string text;
  };
  explicit room_name(std::string_view text) : shared_{new shared_text{text}} {}
  [[nodiscard]] static const std::string& nothing() noexcept;

  boost::intrusive_ptr<const shared_text> shared_;
};

/// Is `text` a namespace's name?
[[nodiscard]] bool is_namespace_name(std::string_view text) noexcept;

} // namespace hubbub::broker

template <>
struct std::hash<hubbub::broker::room_name> {
  std::size_t operator()(const hubbub::broker::room_name& r) const noexcept { return r.hash(); }
};
