#pragma once

#include "broker/audit.hpp"
#include "broker/daemon/admin_keys.hpp"
#include "broker/daemon/http_query.hpp"
#include "broker/daemon/origin.hpp"
#include "broker/event_bus.hpp"
#include "broker/http.hpp"
#include "broker/metrics.hpp"
#include "broker/revocations.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace hubbub::actors {
class actor_node;
}
namespace hubbub::cluster {
class link_counters;
}

namespace hubbub::daemon {

class publish_deadlines;

/// A request to the admin listener that may be served.
struct admin_request {
  broker::http_request http;
  query_parameters query;
  /// What stands in the path where its pattern has `{}`.
  std::vector<std::string> parts;
  std::function<void(broker::http_response)> done;
};

/// The admin listener's routes (docs/protocol.md, "HTTP"). Any loop's thread; nothing here waits:
/// what others must be asked for is answered when their answers come, on their threads.
class admin_api final : public broker::http_handler {
public:
  struct parts {
    actors::actor_node& actors;
    broker::event_bus& bus;
    broker::metrics& metrics;
    const origin_rules& origins;
    admin_keys keys;
    /// This node's name.
    std::string node;
    bool ready_without_bus = false;
    /// False while the node is starting or stopping.
    std::function<bool()> serving;
    /// Has the node drain and end, soon. Called once.
    std::function<void()> drain;
    /// How long a publish may wait for the log.
    std::chrono::milliseconds publish_within = std::chrono::seconds{15};
    /// Null: nobody can be revoked.
    broker::revocations* revocations = nullptr;
    /// Where it is told what operators did; null: nowhere.
    broker::audit_sink* audit = nullptr;
    /// The node's connections to NATS; null: it has none.
    std::shared_ptr<cluster::link_counters> links = nullptr;
  };
  explicit admin_api(parts p);
  ~admin_api() override;

  void handle(broker::http_request request, std::function<void(broker::http_response)> done) override;
  /// What `/readyz` says: are new clients welcome? Not `ok`: why not. Any thread.
  [[nodiscard]] broker::refusal readiness() const;

private:
  struct route;
  static const std::vector<route>& routes();

  void health(admin_request&& r);
  void ready(admin_request&& r);
  void drain(admin_request&& r);
  void metrics(admin_request&& r);
  void publish(admin_request&& r);
  void rooms(admin_request&& r);
  void history(admin_request&& r);
  void presence(admin_request&& r);
  void connections(admin_request&& r);
  void disconnect(admin_request&& r);
  void revoke(admin_request&& r);
  void supervisors(admin_request&& r);
  void node(admin_request&& r);
#ifdef HUBBUB_DEBUG_COMMANDS
  void debug(admin_request&& r);
#endif
  void not_built(admin_request&& r);

  parts parts_;
  std::atomic<bool> drain_asked_{false};
  std::shared_ptr<publish_deadlines> deadlines_;
};

} // namespace hubbub::daemon
