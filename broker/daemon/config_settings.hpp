#pragma once

#include "broker/daemon/config.hpp"
#include "broker/daemon/config_value.hpp"

#include <span>
#include <string>
#include <string_view>

/// Every key of the configuration, and how it is read: the one list that the
/// file, the variables, the flags and the documentation's test share.
namespace hubbub::daemon {

/// A key outside the namespaces.
struct setting {
  std::string_view section;
  std::string_view key;
  complaint (*set)(config& into, const given_value& v);
  /// Its flag of `serve`, without dashes; empty: none.
  std::string_view flag;
  std::string_view flag_help;

  /// `limits.rooms`.
  [[nodiscard]] std::string name() const;
  /// `HUBBUB_LIMITS_ROOMS`; keys of `[server]` and those with a flag leave the section out.
  [[nodiscard]] std::string variable() const;
};

/// A key of a `[namespace.<name>]`.
struct policy_setting {
  std::string_view key;
  complaint (*set)(broker::policy& into, const given_value& v);
};

[[nodiscard]] std::span<const setting> settings();
[[nodiscard]] std::span<const policy_setting> policy_settings();

/// Null when there is no such key.
[[nodiscard]] const setting* find_setting(std::string_view section, std::string_view key);
[[nodiscard]] const policy_setting* find_policy_setting(std::string_view key);

} // namespace hubbub::daemon
