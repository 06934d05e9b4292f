#pragma once

#include <string_view>

namespace hubbub::daemon {

/// As CMake knows it.
inline constexpr std::string_view version = HUBBUB_VERSION;

} // namespace hubbub::daemon
