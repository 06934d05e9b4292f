#pragma once

#include "actors/actor_node.hpp"
#include "actors/worker_probe.hpp"
#include "broker/clock.hpp"
#include "broker/daemon/admin_api.hpp"
#include "broker/daemon/config.hpp"
#include "broker/daemon/open_bus.hpp"
#include "broker/daemon/open_revocations.hpp"
#include "broker/daemon/operator_orders.hpp"
#include "broker/daemon/origin.hpp"
#include "broker/daemon/public_http.hpp"
#include "broker/daemon/sealed_tickets.hpp"
#include "broker/daemon/watchdog.hpp"
#include "broker/log.hpp"
#include "broker/metrics.hpp"
#include "broker/revoked_list.hpp"
#include "broker/supervision.hpp"
#include "transport/counters.hpp"
#include "transport/event_loop.hpp"
#include "transport/listener.hpp"
#include "transport/tls_context.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace hubbub::daemon {

/// One running broker: builds each part, hands it its needs, starts and stops all in order.
/// Made, used and destroyed by one thread; the loops have their own.
class node {
public:
  /// How an order to drain reaches the thread that waits for signals: none of those by which a process is
  /// told to end, of which the second one means a hurry.
  static constexpr int drain_ordered = SIGUSR1;

  /// Opens the log and the listeners and begins to serve. What stands in the way is a refusal
  /// with one sentence, and nothing runs then. `how`, `log` and `time` outlive the node.
  [[nodiscard]] static broker::result<std::unique_ptr<node>> start(const config& how, broker::log_sink& log,
                                                                   const broker::clock& time);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// As `http://127.0.0.1:8080`, with the ports that were bound.
  [[nodiscard]] const std::string& public_url() const noexcept { return public_url_; }
  [[nodiscard]] const std::string& admin_url() const noexcept { return admin_url_; }
  [[nodiscard]] broker::guarantee promises() const { return bus_.events->promises(); }

  /// Reads again what may change while it runs, the certificate and the ticket keys, and says in the log what
  /// came of it: a file that is bad changes nothing, and is the refusal. Any thread.
  [[nodiscard]] broker::result<void> reload();
  /// Before `stop`: says that it is not ready, waits for the others to notice, and sends everybody away at
  /// the configured pace. Without other nodes there is nowhere else to go, so nobody is made to wait. `pause`
  /// waits a few milliseconds; true: that is enough.
  void drain(const std::function<bool()>& pause);
  /// Calls `ends` once, when so much crashed that the node is to stop; on any thread, so it must not wait.
  void on_end(std::function<void()> ends) { supervision_.on_end(std::move(ends)); }
  /// It has: `stop`, and let whoever started the process see it.
  [[nodiscard]] bool gave_up() const noexcept { return supervision_.over(); }
  [[nodiscard]] std::string why_it_gave_up() const { return supervision_.why(); }
  /// Says goodbye to all, waits for them a moment, and stops. Idempotent. False: a loop crashed, and what is
  /// left of it cannot be taken down; nothing but the process's end will do.
  [[nodiscard]] bool stop();

private:
  node(const config& how, broker::log_sink& log, const broker::clock& time);
  [[nodiscard]] broker::refusal open();
  [[nodiscard]] broker::refusal open_tokens();
  [[nodiscard]] broker::refusal open_tickets();
  [[nodiscard]] broker::result<std::vector<ticket_key>> read_ticket_keys() const;
  [[nodiscard]] broker::result<void> reload_tickets();
  [[nodiscard]] broker::refusal open_listeners();
  void show_numbers();
  void show_life();
  void show_drain();
  void show_loops();
  void show_promise();
  void run();
  void obey_orders();
  /// Any thread.
  void drain_once() const;
  void watch();

  const config& how_;
  broker::log_sink& log_;
  const broker::clock& time_;
  broker::limits bounds_;
  origin_rules origins_;
  broker::metrics metrics_;
  broker::supervision supervision_;
  /// Until the last part is gone.
  std::unique_ptr<watchdog> watchdog_;
  transport::transport_counters doors_;
  std::unique_ptr<broker::authenticator> tokens_;
  std::unique_ptr<sealed_tickets> tickets_;
  broker::revoked_list revoked_;
  std::shared_ptr<transport::tls_context> tls_;
  // Order matters. Sockets hold actors, so the loops, which bury them, stop before all else. The bus answers
  // actors from threads of its own, so it goes, and has joined them, before the actors and the loops that
  // they wake; what rooms hold of it may outlive it.
  std::vector<std::unique_ptr<transport::event_loop>> loops_;
  std::unique_ptr<actors::actor_node> actors_;
  std::unique_ptr<actors::worker_probe> workers_;
  node_bus bus_;
  /// Sends people away, from a thread of its own.
  node_control control_;
  std::shared_ptr<operator_orders> orders_;
  std::unique_ptr<public_http> public_http_;
  std::unique_ptr<admin_api> admin_api_;
  std::vector<std::unique_ptr<transport::listener>> listeners_;
  std::unique_ptr<transport::listener> admin_;
  std::vector<std::thread> threads_;
  std::atomic<bool> loop_broke_{false};
  /// `/readyz` says so. Loops read it.
  std::atomic<bool> serving_{false};
  std::atomic<bool> draining_{false};
  std::string public_url_;
  std::string admin_url_;
};

} // namespace hubbub::daemon
