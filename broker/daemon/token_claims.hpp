#pragma once

#include "broker/grants.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace hubbub::daemon {

/// What a token must say of where it comes from and whom it is for; empty: anything.
struct token_rules {
  std::string issuer;
  std::string audience;
};

/// Reads a verified token's claims (RFC 7519): `sub` and `exp` must be there; `nbf`, `iat`, `jti`, `grants`
/// and `user_info` may be. No allowance is made for clocks that differ. `now_ms` is in milliseconds since
/// 1970. Refused with `unauthorized` or `expired`; the sentence names the claim, never its value.
[[nodiscard]] broker::result<broker::identity> read_claims(std::string_view json, const token_rules& rules,
                                                           std::int64_t now_ms);

inline constexpr std::size_t max_user_info = 1024;
inline constexpr std::size_t max_grant_patterns = 256;

} // namespace hubbub::daemon
