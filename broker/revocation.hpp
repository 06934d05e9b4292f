#pragma once

#include "broker/errc.hpp"
#include "broker/grants.hpp"
#include "broker/session_id.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace hubbub::broker {

/// Whom an operator sends away: all sessions of a user, one session, or all with one token. Exactly one of
/// the three is there.
struct revocation {
  std::string user;
  session_id session;
  std::string token_id;
  /// Only who was issued a token before, milliseconds since 1970; 0: everybody. A token that does not say
  /// when it was issued counts as issued before.
  std::int64_t before_ms = 0;
  /// When the operator said so; 0: not known.
  std::int64_t made_ms = 0;

  bool operator==(const revocation&) const = default;

  /// `whose`: null when it is not known yet.
  [[nodiscard]] bool means(session_id who, const identity* whose) const noexcept;
  /// By what it names them, and the name: `{"user", "ann"}`.
  [[nodiscard]] std::pair<std::string_view, std::string> whom() const;

  /// The names of users and tokens are as long at most.
  static constexpr std::size_t max_name = 128;
};

/// Reads `{user|session|token_id, before?, made?}`; other members are not looked at. Refused with `bad_frame`
/// or `bad_command`; the message names the field.
[[nodiscard]] result<revocation> read_revocation(std::string_view json);
/// What `read_revocation` reads.
[[nodiscard]] std::string write_revocation(const revocation& what);

} // namespace hubbub::broker
