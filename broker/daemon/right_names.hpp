#pragma once

#include "broker/policy.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

/// The names of rights, as tokens, the configuration and the command line write them.
namespace hubbub::daemon {

inline constexpr std::array<std::pair<std::string_view, broker::right>, 5> right_names{
    {{"join", broker::right::join},
     {"publish", broker::right::publish},
     {"history", broker::right::history},
     {"presence", broker::right::presence},
     {"call", broker::right::call}}};

/// `right::none`: no right is called so.
[[nodiscard]] constexpr broker::right parse_right(std::string_view name) noexcept {
  const auto* it = std::ranges::find(right_names, name, &std::pair<std::string_view, broker::right>::first);
  return it == right_names.end() ? broker::right::none : it->second;
}

} // namespace hubbub::daemon
