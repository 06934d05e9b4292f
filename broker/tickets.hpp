#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/grants.hpp"
#include "broker/session_id.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace hubbub::broker {

/// What a ticket restores: who its bearer is, and which session it goes on with.
struct ticket {
  /// As the token proved it, with the token's own expiry and issue time.
  identity who;
  session_id session;
  /// Of the ticket itself, milliseconds since 1970; never beyond the token's.
  std::int64_t expires_ms = 0;
};

/// Why a ticket is refused.
enum class ticket_flaw : std::uint8_t {
  /// No ticket at all: not base64url, or cut.
  malformed,
  /// Of a format that this version does not read any more, or not yet.
  older_version,
  newer_version,
  /// Sealed with a key that is not known here.
  foreign,
  /// Not as it was sealed.
  tampered,
  expired,
  /// Its user, session or token was revoked.
  revoked,
  /// It names no user, and clients without one are not welcome here.
  anonymous,
};
inline constexpr std::size_t ticket_flaws = 8;

/// The flaw's name in metrics.
[[nodiscard]] std::string_view name(ticket_flaw flaw) noexcept;
/// What the client is told: `unauthorized` or `expired`, and the flaw in words.
[[nodiscard]] refusal refused(ticket_flaw flaw);

/// Seals tickets and opens them, with keys that all nodes of a cluster share and nobody else has. Any thread.
class ticket_office {
public:
  virtual ~ticket_office() = default;
  /// A ticket that is good from now on; empty: it would be larger than `max_size`, or the system has no
  /// randomness to spare.
  [[nodiscard]] virtual std::string seal(const identity& who, session_id session) const = 0;
  /// Whatever anybody may have written. Whether it was revoked is not looked at here.
  [[nodiscard]] virtual std::variant<ticket, ticket_flaw> open(std::string_view text) const = 0;
  /// How long one is good unless its token ends before.
  [[nodiscard]] virtual milliseconds lives() const noexcept = 0;

  /// Half of what a request's header may be: it must fit in beside all else.
  static constexpr std::size_t max_size = 8192;
};

} // namespace hubbub::broker
