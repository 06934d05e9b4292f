#pragma once

#include "broker/protocol.hpp"
#include "broker/protocol_envelope.hpp"

namespace hubbub::broker::protocol {

/// Gives `to` the command that `from` holds, or says what is wrong with it. Returns what the sink returned.
[[nodiscard]] bool understand(const envelope& from, const parse_limits& bounds, command_sink& to);

} // namespace hubbub::broker::protocol
