#pragma once

#include <cstdint>
#include <string>

namespace hubbub::broker {

/// WebSocket close codes (RFC 6455 section 7.4). 4000-4099: do not reconnect
/// as you are; 4100-4199: reconnect after `retry_after_ms`.
enum class close_code : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  bad_payload = 1007,
  too_big = 1009,
  internal_error = 1011,
  unauthorized = 4001,
  forbidden = 4003,
  protocol_abuse = 4008,
  too_many_refused = 4009,
  revoked = 4010,
  resumed_elsewhere = 4011,
  draining = 4101,
  overloaded = 4102,
  slow_consumer = 4103,
  heartbeat_missed = 4104,
  token_expired = 4105,
  evicted = 4106,
};

/// Why a client is sent away, as its `goodbye` says it.
struct disconnect {
  close_code code = close_code::normal;
  /// A few words, at most 120 bytes (RFC 6455 section 5.5: a close frame has 125).
  std::string reason;
  /// Milliseconds; 0: not said.
  std::uint32_t retry_after_ms = 0;

  [[nodiscard]] bool reconnect() const noexcept {
    return code == close_code::going_away || code == close_code::internal_error ||
           (static_cast<int>(code) >= 4100 && static_cast<int>(code) < 4200);
  }
};

} // namespace hubbub::broker
