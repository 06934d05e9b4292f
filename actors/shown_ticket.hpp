#pragma once

#include "actors/node_context.hpp"
#include "broker/tickets.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

namespace hubbub::actors {

/// Opens a ticket that a client has shown, and says whether it counts here and now: nobody has revoked it,
/// and clients of its kind are welcome. Counts what is refused. `node.tickets` is there. `loop`: the
/// caller's.
[[nodiscard]] std::variant<broker::ticket, broker::ticket_flaw>
open_shown_ticket(node_context& node, std::uint32_t loop, std::string_view text);

/// Whoever lives longer than revocations are held would come back to life: says so to operators.
void mind_long_life(node_context& node, const broker::identity& who);

} // namespace hubbub::actors
