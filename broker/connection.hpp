#pragma once

#include "broker/clock.hpp"
#include "broker/disconnect.hpp"
#include "broker/errc.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::broker {

class loop;

/// The bytes that stand on a tape and on a socket for one message.
enum class wire_format : std::uint8_t {
  /// RFC 6455 unmasked text frames.
  websocket,
  /// The same, where large enough ones are compressed (RFC 7692, no context takeover).
  websocket_deflate,
};
inline constexpr std::size_t wire_formats = 2;

/// One client's bytes, as its actor sees them. Its loop only.
///
/// Two lanes leave in one gathered non-blocking write: first the control lane
/// (whole messages, in order), then slices of tapes. Nothing blocks.
class connection {
public:
  virtual ~connection() = default;

  /// Puts one message in the control lane, framed for this wire; it leaves at
  /// the end of the turn, or with the next `write`.
  virtual void control(std::string_view message) = 0;
  /// The same for bytes that are framed already.
  virtual void control_frame(std::string_view frame) = 0;

  /// Sends the control lane, then `slices` of whole frames. Returns how many bytes of
  /// the slices are gone. When that ends within a frame, give its rest to `keep`.
  /// 0 when the socket is full or broken.
  [[nodiscard]] virtual std::size_t write(std::span<const std::string_view> slices) = 0;
  /// The rest of a frame that was sent in part: it goes first next time.
  virtual void keep(std::string_view rest) = 0;

  /// The socket is full, or closing: `write` has no use before `on_writable`.
  [[nodiscard]] bool blocked() const noexcept { return blocked_; }
  /// Bytes in the control lane, without what is there of an event.
  [[nodiscard]] virtual std::size_t control_bytes() const noexcept = 0;

  /// Bytes that wait for the client: in the control lane, with what is there of an event, and in the kernel.
  /// A few that were written since may be left out as long as something was received after them. Often a
  /// system call.
  [[nodiscard]] virtual std::size_t unsent_bytes() const noexcept { return control_bytes(); }

  /// How long the client's host has acknowledged nothing, though something is on its way to it; 0: nothing
  /// is. What waits for a client that does not read is not on its way. A system call.
  [[nodiscard]] virtual std::chrono::milliseconds unacknowledged_for() const noexcept {
    return std::chrono::milliseconds{0};
  }

  /// Sends what is in the control lane, `goodbye` and the close frame, then closes; waits for
  /// the socket a few seconds at most. `on_closed` follows, later. Idempotent.
  virtual void close(const disconnect& why) = 0;
  /// Stops and starts reading from the socket.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  /// When the last byte came in, and when the kernel last took one.
  [[nodiscard]] virtual steady_time last_received() const noexcept = 0;
  [[nodiscard]] virtual steady_time last_sent() const noexcept = 0;
  [[nodiscard]] virtual wire_format format() const noexcept = 0;
  /// The client's address, without its port.
  [[nodiscard]] virtual std::string_view remote_address() const noexcept { return {}; }

protected:
  bool blocked_ = false;
};

/// What a connection tells its actor. Its loop only, never from within a call to the connection.
class connection_handler {
public:
  virtual ~connection_handler() = default;

  /// The upgrade is done: messages may be sent.
  virtual void on_open(connection& c) = 0;
  /// One whole text message, valid UTF-8 and within the wire limit. Valid during the call.
  virtual void on_message(std::string_view text) = 0;
  virtual void on_binary() = 0;
  /// A full socket takes bytes again, and the control lane is empty.
  virtual void on_writable() = 0;
  /// All messages of the control lane were taken by the kernel; the rest of an event may wait still.
  virtual void on_control_sent() = 0;
  /// The socket is closed, for whatever reason; the last call.
  virtual void on_closed() = 0;
};

/// What a client showed before the upgrade.
struct handshake {
  std::string remote_address;
  std::string target;
  std::string host;
  std::string origin;
  /// The header's value without `Bearer `.
  std::string bearer;
  /// Of `?token=`, percent-decoded.
  std::string query_token;
  std::string cookie_token;
  std::vector<std::string> subprotocols;
  bool tls = false;
  /// Not 0: the places that are left are kept for those who resume (`handshake_places`). Whoever shows no
  /// ticket that counts is to come again after so long.
  std::uint32_t newcomers_wait_ms = 0;

  /// The ticket that a subprotocol item bears; empty: none. Nobody has looked yet whether it counts.
  [[nodiscard]] std::string_view ticket() const noexcept {
    constexpr std::string_view prefix = "ticket.";
    for (const auto& offered : subprotocols)
      if (offered.starts_with(prefix))
        return std::string_view{offered}.substr(prefix.size());
    return {};
  }
};

/// The answer to a handshake that is welcome.
struct admitted {
  std::shared_ptr<connection_handler> handler;
  /// Selected from those offered; empty: none.
  std::string subprotocol;
  /// May permessage-deflate be negotiated?
  bool deflate = true;
  /// Not `ok`: it is let in only to be told when to come again, and counted as refused for this.
  errc put_off = errc::ok;
};

/// What becomes of a socket before anything was read from it.
enum class door : std::uint8_t {
  open,
  /// The node, or the socket's address, has as many as it may.
  full,
  /// Its address comes more often than it may.
  too_often,
  /// More come than may begin TLS.
  before_tls,
};
struct door_answer {
  door what = door::open;
  /// In how many milliseconds it is to come again, at least 1; each is told a time of its own. 0: it may come
  /// in.
  std::uint32_t retry_after_ms = 0;
};

/// Decides about handshakes. Called on the connection's loop.
class connection_acceptor {
public:
  virtual ~connection_acceptor() = default;
  /// May a socket of this address be served at all? With TLS all that it costs is still to come. Refused ones
  /// are told so in a short answer, or closed at once.
  [[nodiscard]] virtual door_answer may_connect(std::string_view remote_address, bool tls) = 0;
  /// That socket, for which it was open, is gone.
  virtual void disconnected(std::string_view remote_address) = 0;
  /// Somebody is refused before it has asked: in how many milliseconds it is to come again, at least 1. Each
  /// is told a time of its own.
  [[nodiscard]] virtual std::uint32_t come_again_ms() = 0;
  /// A refusal becomes an HTTP answer: 401, 403, 429, 501 or 503 with `Retry-After`.
  [[nodiscard]] virtual result<admitted> admit(const handshake& h, loop& at) = 0;
};

} // namespace hubbub::broker
