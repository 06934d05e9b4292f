#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hubbub::broker {

/// What one node and one connection may use. The values are the defaults;
/// 0 means what the comment says.
struct limits {
  std::uint32_t connections = 0;                  ///< 0: the descriptor limit less 200
  std::uint32_t connections_per_ip = 0;           ///< 0: no limit
  std::uint32_t connections_per_user = 0;         ///< 0: no limit
  std::uint32_t handshakes_at_once = 0;           ///< 0: a quarter of the connections
  std::uint32_t handshakes_per_second = 0;        ///< 0: what the loops bear
  std::uint32_t handshakes_per_second_per_ip = 0; ///< 0: no limit
  std::uint32_t payload_bytes = 65'536;
  std::uint32_t rooms = 256;
  std::uint32_t commands_in_flight = 64;
  std::uint32_t commands_per_second = 100; ///< 0: no limit
  std::uint32_t control_bytes = 262'144;
  std::uint32_t backend_requests = 1024;    ///< of the node
  std::uint32_t send_buffer_bytes = 65'536; ///< SO_SNDBUF
  std::uint64_t tape_budget_bytes = 0;      ///< 0: a quarter of memory
  std::chrono::milliseconds authenticate_within = std::chrono::seconds{10};
  std::chrono::milliseconds ping = std::chrono::seconds{25};
  std::chrono::milliseconds pong_within = std::chrono::seconds{10};
  std::chrono::milliseconds stall = std::chrono::seconds{60};
};

/// The most that a `history` answer holds (docs/protocol.md); its events get a little less.
inline constexpr std::size_t history_answer_bytes = 262'144;
inline constexpr std::size_t history_events_bytes = history_answer_bytes - 4096;

} // namespace hubbub::broker
