#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hubbub::daemon {

inline constexpr std::string_view variable_prefix = "HUBBUB_";

/// A sentence for each of these variables' names that begins with `HUBBUB_` and means nothing here. Those
/// that Kubernetes sets for Services whose names begin with `hubbub`, and those of our own scripts, are
/// passed over.
[[nodiscard]] std::vector<std::string> unknown_variables(const std::vector<std::string>& names);

} // namespace hubbub::daemon
