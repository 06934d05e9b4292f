#pragma once

#include "broker/disconnect.hpp"
#include "broker/errc.hpp"
#include "broker/session_id.hpp"
#include "broker/user_connections.hpp"

#include <string>

namespace hubbub::actors {

struct node_context;

/// A place for one more connection of `user`, which has `session`; one that is not counted where there is no
/// limit, or no user. Refused with `too_many_connections`, and logged. Any thread.
[[nodiscard]] broker::result<broker::user_connections::place>
place_for(node_context& node, const std::string& user, broker::session_id session);

/// How a connection is closed whose user was refused one.
[[nodiscard]] broker::disconnect too_many(const broker::refusal& why);

} // namespace hubbub::actors
