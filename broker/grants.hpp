#pragma once

#include "broker/policy.hpp"
#include "broker/room_name.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::broker {

/// A room pattern with NATS wildcards: `*` is one token, `>` the rest (at least one).
class room_pattern {
public:
  [[nodiscard]] static result<room_pattern> parse(std::string_view text);
  [[nodiscard]] bool matches(std::string_view room) const noexcept;
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  bool operator==(const room_pattern&) const = default;

private:
  std::string text_;
};

/// What a token allows, room by room.
class grants {
public:
  void add(room_pattern where, right what) { rules_.emplace_back(std::move(where), what); }
  /// The union of all patterns that match.
  [[nodiscard]] right on(std::string_view room) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
  [[nodiscard]] const std::vector<std::pair<room_pattern, right>>& rules() const noexcept { return rules_; }
  bool operator==(const grants&) const = default;

private:
  std::vector<std::pair<room_pattern, right>> rules_;
};

/// Who a client is, as its token proved.
struct identity {
  /// Empty: anonymous.
  std::string user;
  /// One JSON value or empty.
  std::string user_info;
  std::string token_id;
  grants allowed;
  /// Milliseconds since 1970; 0: never.
  std::int64_t expires_ms = 0;
  std::int64_t issued_ms = 0;
};

/// Verifies tokens. Any thread.
class authenticator {
public:
  virtual ~authenticator() = default;
  /// `unauthorized` or `expired`; the message never repeats the token.
  [[nodiscard]] virtual result<identity> verify(std::string_view token) const = 0;
};

} // namespace hubbub::broker
