#include "actors/culprit.hpp"

#include "actors/counted_address.hpp"
#include "actors/node_context.hpp"
#include "actors/node_metrics.hpp"

#include <functional>

namespace hubbub::actors {

std::string culprit(const broker::identity* who, std::string_view remote_address) {
  if (who && !who->user.empty())
    return "user " + who->user;
  return remote_address.empty() ? std::string{}
                                : "address " + std::string{counted_address{remote_address}.str()};
}

std::uint64_t culprit_mark(std::string_view user, std::string_view remote_address) noexcept {
  if (user.empty() && remote_address.empty())
    return 0;
  const std::hash<std::string_view> hash;
  return user.empty() ? hash(counted_address{remote_address}.str()) << 2 | 1 : hash(user) << 2 | 2;
}

broker::milliseconds culprit_waits(node_context& node, std::uint32_t loop, const broker::identity* who,
                                   std::string_view remote_address) {
  const auto by = culprit(who, remote_address);
  const auto wait = node.supervision->connections.wait_of(by);
  if (wait.count() == 0)
    return wait;
  node.counts.culprits_refused.add(loop);
  node.log.limited(broker::log_level::warn, "admission", "culprits",
                   "refused: what this client does keeps breaking its sessions",
                   {{"by", by}, {"wait_ms", wait.count()}});
  return wait;
}

} // namespace hubbub::actors
