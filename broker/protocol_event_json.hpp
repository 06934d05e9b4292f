#pragma once

#include "broker/protocol.hpp"

namespace hubbub::broker::protocol {

/// Appends an event as an object. `with_room`: as a push, with `op` and `room`; `with_offset`: of a retained
/// room.
key_place write_event(std::string& out, const stored_event& e, bool with_room, bool with_offset);

/// Appends `"events":[…],"more":…,"epoch":…`: what was read of a retained room.
void write_history(std::string& out, const read_result& r);

} // namespace hubbub::broker::protocol
