#pragma once

#include "broker/clock.hpp"
#include "broker/daemon/signing_key.hpp"
#include "broker/daemon/token_claims.hpp"
#include "broker/grants.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace hubbub::daemon {

/// Verifies JWTs in the compact form (RFC 7515), signed with HS256 by any of several keys. Any thread.
class jwt_authenticator final : public broker::authenticator {
public:
  jwt_authenticator(std::vector<signing_key> keys, token_rules rules, const broker::clock& time)
      : keys_{std::move(keys)}, rules_{std::move(rules)}, time_{time} {}

  /// Takes some microseconds for each key until one fits.
  [[nodiscard]] broker::result<broker::identity> verify(std::string_view token) const override;

  /// Longer ones are refused unread.
  static constexpr std::size_t max_size = 16'384;

private:
  std::vector<signing_key> keys_;
  token_rules rules_;
  const broker::clock& time_;
};

/// What a new token says.
struct token_request {
  std::string user;
  /// `{"chat.>", right::join | right::publish}`
  std::vector<std::pair<broker::room_pattern, broker::right>> grants;
  std::chrono::milliseconds lives = std::chrono::hours{1};
  /// Left out when empty.
  std::string token_id;
  /// One JSON value, or empty.
  std::string user_info;
  std::string issuer;
  std::string audience;
};

/// A token signed with HS256. Refused when a claim is not what `read_claims` takes.
[[nodiscard]] broker::result<std::string> mint_token(const signing_key& key, const token_request& what,
                                                     std::int64_t now_ms);

} // namespace hubbub::daemon
