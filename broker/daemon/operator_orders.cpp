#include "broker/daemon/operator_orders.hpp"

#include "actors/actor_node.hpp"
#include "broker/daemon/disconnect_order.hpp"
#include "broker/daemon/node_order.hpp"
#include "broker/json_writer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace hubbub::daemon {

namespace {

/// `{node, <name>: <value>}`; the value is JSON.
std::string order_done(std::string_view node, std::string_view name, std::string_view value) {
  std::string text;
  broker::protocol::json_writer json{text};
  json.put("{\"node\":").text(node).put(",").text(name).put(":").put(value).put("}");
  return text;
}

} // namespace

using broker::errc;

void operator_orders::obey(const std::shared_ptr<operator_orders>& self, broker::order_source& from) {
  constexpr std::pair<std::string_view, order> all[] = {{"drain", &operator_orders::drain},
                                                        {"disconnect", &operator_orders::disconnect},
                                                        {"reload", &operator_orders::reload}};
  for (const auto& [what, how] : all)
    from.obey(what, [self, how = how](std::string_view json, const broker::order_reply& reply) {
      std::lock_guard lock{self->mutex_};
      if (!self->closed_)
        (*self.*how)(json, reply);
    });
  from.on_revoked([self](const broker::revocation& r) {
    std::lock_guard lock{self->mutex_};
    if (!self->closed_)
      broker::audit(self->parts_.audit, {"revoke", "nats", r.whom(), {}});
  });
}

void operator_orders::close() {
  std::lock_guard lock{mutex_};
  closed_ = true;
}

void operator_orders::leave_to(std::string_view name, const broker::order_reply& reply) const {
  // Who asks takes the first answer: that must not be from somebody who has yet to hear of that node.
  if (parts_.rosters && !parts_.rosters->knows_others())
    return;
  std::vector<std::string> all{parts_.node};
  if (parts_.rosters)
    for (auto& other : parts_.rosters->others())
      all.push_back(std::move(other.name));
  if (std::ranges::find(all, name) != all.end())
    return;
  std::ranges::sort(all);
  std::string known;
  for (const auto& one : all)
    known.append(known.empty() ? "" : ", ").append(one);
  reply(broker::refusal{errc::bad_command, "field `node`: there is no node " + std::string{name} +
                                               " (there are: " + known + ")"},
        {});
}

void operator_orders::drain(std::string_view json, const broker::order_reply& reply) {
  const auto order = node_order::parse(json, false);
  if (!order)
    return reply(order.error(), {});
  if (!order->means(parts_.node))
    return leave_to(order->node, reply);
  // A signal that comes twice means a hurry. An order that comes twice has lost its first answer.
  const auto first = !std::exchange(drained_, true) && parts_.serving();
  if (first) {
    broker::audit(parts_.audit, {"drain", "nats", {}, {}});
    parts_.actors.context().log.info("admin", "an operator drains the node");
  }
  reply(order_done(parts_.node, "status", "\"draining\""), first ? parts_.drain : std::function<void()>{});
}

void operator_orders::disconnect(std::string_view json, const broker::order_reply& reply) {
  const auto order = disconnect_order::parse(json);
  if (!order)
    return reply(order.error(), {});
  // It may be done when this has gone.
  order->carry_out(parts_.actors, [node = parts_.node, whom = order->whom.whom(), audit = parts_.audit,
                                   reply](std::uint64_t closed) {
    broker::audit(audit, {"disconnect", "nats", whom, closed});
    reply(order_done(node, "disconnected", std::to_string(closed)), {});
  });
}

void operator_orders::reload(std::string_view json, const broker::order_reply& reply) {
  const auto order = node_order::parse(json, true);
  if (!order)
    return reply(order.error(), {});
  if (!order->means(parts_.node))
    return leave_to(order->node, reply);
  if (const auto read = parts_.reload(); !read)
    return reply(read.error(), {});
  broker::audit(parts_.audit, {"reload", "nats", {}, {}});
  reply(order_done(parts_.node, "reloaded", "true"), {});
}

} // namespace hubbub::daemon
