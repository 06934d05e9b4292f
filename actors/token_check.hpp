#pragma once

#include "broker/errc.hpp"
#include "broker/grants.hpp"

#include <cstdint>
#include <string_view>

namespace hubbub::actors {

struct node_context;

/// Verifies a token and counts that it did: of all that a client costs when it comes back this is the part
/// that tickets spare. `loop`: the caller's.
[[nodiscard]] broker::result<broker::identity> check_token(node_context& node, std::uint32_t loop,
                                                           std::string_view token);

} // namespace hubbub::actors
