#pragma once

#include "broker/daemon/config.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hubbub::daemon {

/// Sentences, each with the place that it speaks of.
using problems = std::vector<std::string>;

/// Where a configuration comes from: a flag beats a variable, a variable beats the file.
struct config_sources {
  /// Empty: no file.
  std::string file;
  /// A variable's value. Empty function: variables are not looked at.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  /// Names of flags of `serve`, without dashes, and what stood behind them.
  std::vector<std::pair<std::string, std::string>> flags;
  /// Names of the variables that are set, at least those that begin with `HUBBUB_`: the ones that mean
  /// nothing become warnings.
  std::vector<std::string> variables = {};
};

/// Reads and checks a configuration; opens no file but the configuration's own. All that is wrong
/// is told at once.
[[nodiscard]] std::variant<config, problems> load_config(const config_sources& from);

} // namespace hubbub::daemon
