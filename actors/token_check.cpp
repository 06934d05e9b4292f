#include "actors/token_check.hpp"

#include "actors/node_context.hpp"
#include "actors/node_metrics.hpp"

namespace hubbub::actors {

broker::result<broker::identity> check_token(node_context& node, std::uint32_t loop, std::string_view token) {
  if (!node.tokens)
    return broker::refusal{broker::errc::unauthorized, "this server has no keys to verify a token with"};
  auto verified = node.tokens->verify(token);
  (verified ? node.counts.tokens_good : node.counts.tokens_refused).add(loop);
  return verified;
}

} // namespace hubbub::actors
