#pragma once

#include "broker/audit.hpp"
#include "broker/orders.hpp"
#include "broker/roster_bus.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace hubbub::actors {
class actor_node;
}

namespace hubbub::daemon {

/// Does what operators order over NATS (docs/operations.md, "Orders"), as the admin listener and signals do
/// it. Each answer names the node. Any thread; nothing waits but `close`.
class operator_orders {
public:
  struct parts {
    actors::actor_node& actors;
    /// Null: there are no other nodes.
    broker::roster_bus* rosters;
    /// This node's name.
    std::string node;
    /// False while the node is starting or stopping.
    std::function<bool()> serving;
    /// Has the node drain and end, soon.
    std::function<void()> drain;
    /// Reads the certificate again.
    std::function<broker::result<void>()> reload;
    /// Where it is told what was done; null: nowhere.
    broker::audit_sink* audit = nullptr;
  };
  explicit operator_orders(parts p) : parts_{std::move(p)} {}

  /// What comes from there is obeyed by `self` from now on.
  static void obey(const std::shared_ptr<operator_orders>& self, broker::order_source& from);
  /// Waits until nothing is under way; then nothing is done any more.
  void close();

private:
  using order = void (operator_orders::*)(std::string_view json, const broker::order_reply& reply);

  void drain(std::string_view json, const broker::order_reply& reply);
  void disconnect(std::string_view json, const broker::order_reply& reply);
  void reload(std::string_view json, const broker::order_reply& reply);
  /// What another node is to do. Answers when it is known that no node is called that.
  void leave_to(std::string_view name, const broker::order_reply& reply) const;

  const parts parts_;
  std::mutex mutex_;
  bool closed_ = false;
  bool drained_ = false;
};

} // namespace hubbub::daemon
