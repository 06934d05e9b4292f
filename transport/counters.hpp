#pragma once

#include "broker/errc.hpp"

#include <atomic>
#include <cstdint>

namespace hubbub::transport {

/// What happened at the door, and who is inside. Any thread; several listeners may share one.
struct transport_counters {
  using count = std::atomic<std::uint64_t>;
  using gauge = std::atomic<std::int64_t>;

  count accepted{0};             ///< sockets
  count refused_busy{0};         ///< `may_connect` said `full`: 503 and closed
  count refused_often{0};        ///< `too_often`: 429 and closed
  count refused_before_tls{0};   ///< `before_tls`: closed
  count refused_handshakes{0};   ///< too many under way: 503 and closed
  count refused_reserved{0};     ///< the places left were kept for those who resume: 503 and closed
  count crowded_out{0};          ///< they took long, and gave up their place to newcomers
  count upgraded{0};             ///< WebSocket connections begun
  count refused_unauthorized{0}; ///< handshakes answered 401
  count refused_forbidden{0};    ///< 403
  count refused_user{0};         ///< 429 or 4106: the user has all the connections it may have
  count refused_limited{0};      ///< 429 for another reason
  count refused_overloaded{0};   ///< 503, or upgraded only to be told when to come again
  count refused_other{0};        ///< anything else
  count bad_requests{0};         ///< not HTTP, or beyond its bounds
  count timed_out{0};            ///< handshakes and requests that took too long
  count tls_failed{0};           ///< TLS handshakes that broke off
  count http_requests{0};        ///< given to the `http_handler`
  count accept_errors{0};        ///< the system had no descriptor or memory
  count protocol_errors{0};      ///< WebSocket connections ended for breaking RFC 6455
  count slow_consumers{0};       ///< ended because the control lane was full

  /// What counts a handshake that was answered so; not for 503, which has two.
  [[nodiscard]] count& refused(unsigned status, broker::errc why) noexcept {
    switch (status) {
    case 401:
      return refused_unauthorized;
    case 403:
      return refused_forbidden;
    case 429:
      return why == broker::errc::too_many_connections ? refused_user : refused_limited;
    default:
      return refused_other;
    }
  }

  gauge half_open{0};    ///< sockets that are not (yet) WebSockets
  gauge turning_away{0}; ///< those of them that are read to their end after a 503
  gauge websockets{0};   ///< upgraded and not closed
};

} // namespace hubbub::transport
