#include "actors/user_place.hpp"

#include "actors/node_context.hpp"

#include <utility>

namespace hubbub::actors {
namespace {

// A place is free when one of the user's connections ends, which nobody can tell. Those whom another node
// would take are there soon; a client that goes on trying costs little.
constexpr std::uint32_t shortest_place_wait_ms = 2000;
constexpr std::uint32_t place_wait_spread_ms = 8000;

} // namespace

broker::result<broker::user_connections::place> place_for(node_context& node, const std::string& user,
                                                          broker::session_id session) {
  const auto most = node.bounds.connections_per_user;
  if (auto place = node.users.take(user, session, most))
    return std::move(*place);
  node.log.limited(broker::log_level::warn, "admission", "per_user",
                   "refused: a user has all the connections it may have", {{"user", user}});
  return broker::refusal{
      broker::errc::too_many_connections,
      "a user may have " + std::to_string(most) + " connections to this node at most",
      shortest_place_wait_ms +
          static_cast<std::uint32_t>(broker::session_id::random().value % place_wait_spread_ms)};
}

broker::disconnect too_many(const broker::refusal& why) {
  return {broker::close_code::evicted, why.message, why.retry_after_ms};
}

} // namespace hubbub::actors
