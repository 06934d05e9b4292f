#pragma once

#include "broker/connection.hpp"
#include "broker/errc.hpp"
#include "broker/http.hpp"
#include "broker/tape_budget.hpp"
#include "transport/counters.hpp"
#include "transport/event_loop.hpp"
#include "transport/pollable.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace hubbub::transport {

class lobby;
class tls_context;

struct listener_options {
  /// An IPv4 or IPv6 address without brackets, or `localhost`.
  std::string address = "127.0.0.1";
  /// 0: a free one; see `listener::port`.
  std::uint16_t port = 0;
  /// Several listeners, one for each loop, on one port.
  bool reuse_port = false;
  /// With `reuse_port` the system lets another program of the same user share the port in
  /// silence: set this on the first listener of a group, and a port in use is refused.
  bool refuse_shared = false;
  std::uint32_t backlog = 4096;
  /// SO_SNDBUF; 0: the system's.
  std::uint32_t send_buffer_bytes = 65'536;
  /// The largest WebSocket message, inflated; a larger one ends the connection with 1009.
  std::uint32_t message_bytes = 128 * 1024;
  /// Waiting in the control lane when one more message comes, and the socket takes none:
  /// the connection ends with 4103. A single message may go beyond it.
  std::uint32_t control_bytes = 262'144;
  /// Sockets that are no WebSockets yet, whatever they wait for: TLS, a request's rest, that an answer is
  /// taken, the next request. Beyond them newcomers are refused, unless somebody has been at it for long: the
  /// first of those goes. A part is kept for clients that resume (`broker::handshake_places`). 0: no bound.
  std::uint32_t handshakes_at_once = 0;
  /// That long; a fourth of it for whoever waits in a place that is kept for others.
  std::chrono::milliseconds handshake_patience = std::chrono::seconds{2};
  /// From accept to the upgrade, and for each HTTP request from its first byte to its last.
  std::chrono::milliseconds handshake_within = std::chrono::seconds{10};
  /// An HTTP connection between two requests.
  std::chrono::milliseconds keep_alive = std::chrono::seconds{60};
  /// From `close` until the socket is closed hard.
  std::chrono::milliseconds close_within = std::chrono::seconds{3};
  /// What comes of one message after so long is no sign of life any more.
  std::chrono::milliseconds message_within = std::chrono::seconds{60};
  /// TCP_USER_TIMEOUT. It ends peers with a zero window too, so it must be longer than `stall`.
  std::chrono::milliseconds user_timeout = std::chrono::seconds{70};
  /// Are upgrades welcome at `websocket_path`?
  bool websocket = true;
  std::string websocket_path = "/v1/ws";
  /// Outlives the listener; null: no TLS.
  tls_context* tls = nullptr;
  /// Sockets that get a TLS handshake in a second, and as many at once after a pause, only to be told why
  /// they are refused; others are closed without a word, which costs nothing. 0: none.
  std::uint32_t tls_refusals_per_second = 10;
  std::uint32_t http_body_bytes = 1 << 20;
  /// Outlives the listener; is charged with the rests of torn frames. Null: nothing is.
  broker::tape_budget* tapes = nullptr;
  /// Outlives the listener; null: it counts for itself.
  transport_counters* counters = nullptr;
  /// Hears of each goodbye, whoever asked for it. May be empty; on the loop's thread.
  std::function<void(broker::close_code)> on_goodbye;
};

/// Accepts sockets on one loop, serves HTTP on them, and upgrades those that ask to WebSocket.
///
/// Made and opened before the loop runs, or on it. Destroyed after the loop's `run` has
/// returned and before the loop.
class listener {
public:
  /// `acceptor` and `http` may be null: no upgrades, 404.
  listener(event_loop& at, listener_options options, broker::connection_acceptor* acceptor,
           broker::http_handler* http);
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Binds and listens. A taken port or a bad address is refused with one clear sentence.
  [[nodiscard]] broker::result<void> open();
  /// The port that was bound. Any thread, after `open`.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Stops accepting, soon; open connections live on. Any thread.
  void close();
  /// Also says goodbye to every connection, soon: each is told a time of its own, of `retry_after_ms` at
  /// most. Any thread.
  void close_all(broker::disconnect why);

  [[nodiscard]] const transport_counters& counters() const noexcept;

private:
  class acceptor;

  event_loop& loop_;
  std::shared_ptr<lobby> lobby_;
  std::shared_ptr<acceptor> acceptor_;
};

} // namespace hubbub::transport
