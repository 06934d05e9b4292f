#pragma once

#include "broker/daemon/config.hpp"

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace hubbub::daemon {

/// What the program meets outside itself; tests put their own there.
struct surroundings {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<int(const config&)> serve;
  /// Names of the variables that are set.
  std::vector<std::string> variables = {};
};

/// Exit codes of every command.
inline constexpr int exit_ok = 0;
/// It was understood and could not be done.
inline constexpr int exit_failed = 1;
/// It was not understood: the command line or the configuration is wrong.
inline constexpr int exit_usage = 2;

/// Runs the program with what stands behind its name. Errors are sentences on `err`.
[[nodiscard]] int run(const std::vector<std::string>& arguments, const surroundings& around);

} // namespace hubbub::daemon
