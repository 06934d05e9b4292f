#pragma once

#include "broker/log.hpp"

#include <string>
#include <string_view>

namespace hubbub::daemon {

/// A JSON string with its quotes. What is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// `warn  rooms: the message room=chat.1 why="two words"`: one line, whatever stands in the fields.
void append_human(std::string& out, const broker::log_entry& entry);

/// `"level":"warn","component":"rooms","message":"…","room":"chat.1"`: a JSON object's inside. A field
/// with the name of one that every entry has gets a `_` behind it.
void append_json(std::string& out, const broker::log_entry& entry);

} // namespace hubbub::daemon
