#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/config.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// Why something was refused. What a client can see has the same name in
/// `docs/protocol.md` (`name`). Numbers never leave the process.
enum class errc : std::uint8_t {
  /// No error.
  ok = 0,
  /// Not JSON, not an object, or a binary message.
  bad_frame,
  /// The op is unknown, or a field is missing or of the wrong type.
  bad_command,
  /// The room's name is empty, too long, or has a bad token.
  bad_room,
  /// No token, or one that does not verify.
  unauthorized,
  /// The token's time is over.
  expired,
  /// The client may not do this here.
  forbidden,
  /// The command needs the room to be joined.
  not_joined,
  /// The room is joined already.
  already_joined,
  /// The payload is larger than the limit.
  too_large,
  /// The connection is in as many rooms as it may be.
  too_many_rooms,
  /// The user has as many connections to the node as it may.
  too_many_connections,
  /// More commands per second than allowed.
  rate_limited,
  /// A bounded mailbox is full: try again later.
  overloaded,
  /// The log or the backend cannot be reached.
  unavailable,
  /// The data does not fit the room's schema.
  invalid_data,
  /// Nobody answers that method.
  no_such_method,
  /// An answer did not come in time.
  timeout,
  /// Not offered here.
  not_supported,
  /// Something broke on our side.
  internal,
  /// The room has ended: resolve its name again. Never seen by a client.
  gone,
};

/// The code's name on the wire, in logs and in metrics.
[[nodiscard]] std::string_view name(errc code) noexcept;

/// Milliseconds after which it is worth trying again when only a moment's load stood in the way.
inline constexpr std::uint32_t retry_soon_ms = 100;

/// A refusal: what is wrong, in words that name it, and when to come back.
struct refusal {
  refusal() = default;
  refusal(errc c, std::string why = {}, std::uint32_t retry_after = 0)
      : code{c}, message{std::move(why)}, retry_after_ms{retry_after} {}

  errc code = errc::internal;
  /// One sentence for a person; never a token or a payload.
  std::string message;
  /// Milliseconds; 0: not said.
  std::uint32_t retry_after_ms = 0;
};

/// A value, or why there is none.
template <class T>
using result = boost::system::result<T, refusal>;

/// Reached only when `value()` is called on a refusal, which is a bug of ours.
BOOST_NORETURN void throw_exception_from_error(const refusal& why, const boost::source_location& where);

} // namespace hubbub::broker
