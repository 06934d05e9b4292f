// What a node shows of itself in /metrics.
#include "broker/daemon/node.hpp"

#include "actors/node_metrics.hpp"

#include <atomic>
#include <chrono>
#include <string>

namespace hubbub::daemon {

void node::show_numbers() {
  const auto count = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& from,
                         const broker::metric_labels& labels = {}) {
    metrics_.counter_from(
        name, help, [&from] { return static_cast<double>(from.load(std::memory_order_relaxed)); }, labels);
  };
  count("hubbub_sockets_accepted_total", "Sockets accepted on the public listener", doors_.accepted);
  count("hubbub_websockets_opened_total", "WebSocket connections begun", doors_.upgraded);
  constexpr auto refused = "hubbub_handshakes_refused_total";
  constexpr auto why = "Sockets and handshakes refused, by reason";
  count(refused, why, doors_.refused_busy, {{"reason", "connections"}});
  count(refused, why, doors_.refused_often, {{"reason", "handshakes_per_ip"}});
  count(refused, why, doors_.refused_before_tls, {{"reason", "before_tls"}});
  count(refused, why, doors_.refused_user, {{"reason", "connections_per_user"}});
  count(refused, why, doors_.refused_handshakes, {{"reason", "handshakes"}});
  count(refused, why, doors_.refused_reserved, {{"reason", "reserved"}});
  count(refused, why, doors_.crowded_out, {{"reason", "crowded_out"}});
  count(refused, why, doors_.refused_unauthorized, {{"reason", "unauthorized"}});
  count(refused, why, doors_.refused_forbidden, {{"reason", "forbidden"}});
  count(refused, why, doors_.refused_limited, {{"reason", "rate_limited"}});
  count(refused, why, doors_.refused_overloaded, {{"reason", "overloaded"}});
  count(refused, why, doors_.refused_other, {{"reason", "other"}});
  count(refused, why, doors_.bad_requests, {{"reason", "bad_request"}});
  count(refused, why, doors_.timed_out, {{"reason", "timeout"}});
  count(refused, why, doors_.tls_failed, {{"reason", "tls"}});
  count("hubbub_websocket_errors_total", "Connections ended for breaking RFC 6455", doors_.protocol_errors);
  count("hubbub_slow_consumers_total", "Connections ended because their control lane was full",
        doors_.slow_consumers);
  metrics_.gauge_from("hubbub_draining", "1 while the node sends its clients away, to end",
                      [this] { return draining_.load() ? 1.0 : 0.0; });
  metrics_.gauge_from("hubbub_rooms", "Rooms on this node",
                      [this] { return static_cast<double>(actors_->rooms().size()); });
  metrics_.gauge_from("hubbub_revocations", "Revocations held",
                      [this] { return static_cast<double>(revoked_.size()); });
  metrics_.gauge_from("hubbub_tape_bytes", "Memory that the rooms' tapes hold",
                      [this] { return static_cast<double>(actors_->context().tapes.used()); });
  metrics_.gauge_from("hubbub_tape_budget_bytes", "Memory that the rooms' tapes may hold",
                      [this] { return static_cast<double>(actors_->context().tapes.limit()); });
  metrics_.counter_from("hubbub_tape_given_up_bytes_total",
                        "Memory that the largest tapes gave up as all of them together filled their budget",
                        [this] { return static_cast<double>(actors_->context().tapes.given_up()); });
  actors_->show_deliveries(metrics_);
  show_loops();
  show_promise();
}

void node::show_loops() {
  for (const auto& loop : loops_)
    metrics_.gauge_from(
        "hubbub_loop_lag_seconds",
        "How long what was ready waited at most for its event loop, in the last second or two",
        [&loop = *loop] { return std::chrono::duration<double>(loop.lag()).count(); },
        {{"loop", std::to_string(loop->index())}});
}

void node::show_promise() {
  const auto promise = promises();
  metrics_.gauge_from("hubbub_log_info", "What keeps the events; always 1", [] { return 1.0; },
                      {{"storage", promise.storage}, {"sync", promise.sync}});
  metrics_.gauge_from(
      "hubbub_log_replicas",
      "Servers that keep each event before it is confirmed, or will: the least of all streams",
      [this] { return static_cast<double>(promises().replicas); });
  // (Prometheus gives a pod's samples a `namespace` of its own.)
  for (std::size_t i = 0; i < promise.namespaces.size(); ++i)
    metrics_.gauge_from("hubbub_log_namespace_replicas",
                        "Servers that keep each event of a namespace; 0: not known yet",
                        [this, i] { return static_cast<double>(promises().namespaces[i].replicas); },
                        {{"room_namespace", promise.namespaces[i].name}});
}

} // namespace hubbub::daemon
