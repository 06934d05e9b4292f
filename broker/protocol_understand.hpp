#pragma once

#include "broker/protocol.hpp"
#include "broker/protocol_envelope.hpp"

namespace hubbub::broker::protocol {

/// Gives `to` the command that `from` holds, or says what is wrong with it. Returns what the sink returned.
[[nodiscard]] bool understand(const envelope& from, const parse_limits& bounds, command_sink& to);

/// Fills `to` from what `from` says of it, as a `publish` does, or says what is wrong. `op` and `id` are not
/// looked at: for events that come by HTTP.
[[nodiscard]] refusal read_event(const envelope& from, const parse_limits& bounds, event& to);

} // namespace hubbub::broker::protocol
