#pragma once

#include "broker/tickets.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace hubbub::daemon {

/// A ticket as bytes, before it is sealed: short, as it travels in a header.
[[nodiscard]] std::string write_ticket(const broker::ticket& what);
/// None: it is not what this version's `write_ticket` makes.
[[nodiscard]] std::optional<broker::ticket> read_ticket(std::string_view bytes);

} // namespace hubbub::daemon
