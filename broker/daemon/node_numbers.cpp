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
  show_life();
  show_drain();
  show_loops();
  show_promise();
}

void node::show_life() {
  // Prometheus' own name for it, by which its queries find restarts.
  metrics_.gauge_from("process_start_time_seconds", "When the node started, in seconds since 1970",
                      [began = time_.unix_ms()] { return static_cast<double>(began) / 1000; });
  // (Whoever reads them came through the admin listener, so it is there.)
  metrics_.gauge_from("hubbub_ready", "1 while new clients are welcome: what /readyz says",
                      [this] { return admin_api_->readiness().code == broker::errc::ok ? 1.0 : 0.0; });
  metrics_.gauge_from("hubbub_log_answers",
                      "1 while the log takes publishes; with NATS: what is published comes back through it",
                      [this] { return bus_.events->health().code == broker::errc::ok ? 1.0 : 0.0; });
}

void node::show_drain() {
  metrics_.gauge_from("hubbub_draining", "1 while the node sends its clients away, to end",
                      [this] { return draining_.load() ? 1.0 : 0.0; });
  // Without other nodes there is nowhere to send clients to, and a node that is told to end just ends.
  if (!bus_.rosters)
    return;
  const auto seconds = [](auto time) { return std::chrono::duration<double>(time).count(); };
  metrics_.gauge_from(
      "hubbub_drain_seconds",
      "How long it would take to send all clients away at [drain] pace, from the signal on", [this, seconds] {
        const auto clients = static_cast<double>(doors_.websockets.load());
        return seconds(how_.drain.grace) + clients / how_.drain.pace + seconds(drain_config::last_answers);
      });
  metrics_.gauge_from("hubbub_drain_deadline_seconds",
                      "How long a drain may take: with more to do it goes faster than [drain] pace",
                      [this, seconds] { return seconds(how_.drain.deadline); });
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
