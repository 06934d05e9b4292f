#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::tests {

using std::chrono::milliseconds;

/// What a test sends before the connection is upgraded, and how.
struct ws_options {
  bool tls = false;
  std::string path = "/v1/ws";
  /// Whole header lines without line ends, as `Authorization: Bearer x`.
  std::vector<std::string> headers;
  /// SO_RCVBUF, set before connecting; 0: the system's.
  int receive_buffer = 0;
  milliseconds within{5000};
};

/// One frame as it stood on the wire.
struct ws_frame {
  bool fin = true;
  bool rsv1 = false;
  int opcode = 0;
  std::string payload;

  /// Of a close frame; 1005 when it has none.
  [[nodiscard]] int close_code() const;
  [[nodiscard]] std::string close_reason() const;
};

/// A small blocking socket, with or without TLS, for tests only. Failures to connect throw
/// `std::runtime_error`; everything else shows in the values. One thread at a time.
class raw_client {
public:
  raw_client() = default;
  raw_client(const std::string& host, std::uint16_t port, bool tls = false, int receive_buffer = 0);
  raw_client(raw_client&&) noexcept;
  raw_client& operator=(raw_client&&) noexcept;
  ~raw_client();

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// False: the peer is gone, or takes nothing for `within`.
  bool send_raw(std::string_view bytes, milliseconds within = milliseconds{5000});
  /// At least one byte; empty: nothing came in time, or the end (see `ended`).
  std::string receive(milliseconds within);
  /// Everything until the end of the connection or of the time.
  std::string receive_all(milliseconds within);
  /// Exactly `n` bytes, or none.
  std::optional<std::string> receive_exactly(std::size_t n, milliseconds within);
  /// Up to and with `mark`; what follows stays.
  std::optional<std::string> receive_until(std::string_view mark, milliseconds within);
  /// The peer has closed or reset the connection.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// Waits for the end, and drops what comes until then.
  bool wait_for_end(milliseconds within);
  /// FIN.
  void shut_writing();
  /// Closes; `reset` sends RST.
  void close(bool reset = false);
  /// Asks for new TLS 1.3 keys on both sides (RFC 8446 section 4.6.3), with the next bytes sent.
  bool update_keys();
  /// The subject of the server's certificate.
  [[nodiscard]] std::string certificate_subject() const;

private:
  struct tls_state;
  bool fill(milliseconds within);

  int descriptor_ = -1;
  bool ended_ = false;
  std::string buffer_;
  std::unique_ptr<tls_state> tls_;
};

/// A WebSocket client with control over every byte.
class ws_client {
public:
  /// Connects and upgrades. Throws `std::runtime_error` with the answer's first line when it is refused.
  ws_client(const std::string& host, std::uint16_t port, ws_options options = {});
  explicit ws_client(std::uint16_t port, ws_options options = {})
      : ws_client{"127.0.0.1", port, std::move(options)} {}

  /// The 101, with all its headers.
  [[nodiscard]] const std::string& response() const noexcept { return response_; }
  /// A header of the 101; empty: not there.
  [[nodiscard]] std::string header(std::string_view name) const;

  bool send_text(std::string_view text) { return send_raw(frame(1, text)); }
  bool send_binary(std::string_view bytes) { return send_raw(frame(2, bytes)); }
  bool send_ping(std::string_view payload = {}) { return send_raw(frame(9, payload)); }
  bool send_close(int code = 1000, std::string_view reason = {});
  bool send_raw(std::string_view bytes, milliseconds within = milliseconds{5000}) {
    return socket_.send_raw(bytes, within);
  }

  /// The next frame of whatever kind.
  std::optional<ws_frame> read_frame(milliseconds within = milliseconds{5000});
  /// The next text or binary message (fragments joined, compressed ones inflated); pings are answered,
  /// pongs passed over. None: nothing in time, or the end; a close frame stays in `closed`.
  std::optional<std::string> read_message(milliseconds within = milliseconds{5000});
  /// The close frame that came.
  [[nodiscard]] const std::optional<ws_frame>& closed() const noexcept { return closed_; }
  /// Reads on until a close frame; answers it.
  std::optional<ws_frame> wait_for_close(milliseconds within = milliseconds{5000});
  /// The closing handshake; true when the server answered and ended the connection.
  bool close(int code = 1000, milliseconds within = milliseconds{5000});

  [[nodiscard]] raw_client& socket() noexcept { return socket_; }

  /// A client's frame: masked.
  [[nodiscard]] static std::string frame(int opcode, std::string_view payload, bool fin = true,
                                         bool rsv1 = false, bool masked = true);

private:
  raw_client socket_;
  std::string response_;
  std::optional<ws_frame> closed_;
};

/// One HTTP exchange, as a client sees it.
struct http_answer {
  int status = 0;
  std::string head;
  std::string body;
  [[nodiscard]] std::string header(std::string_view name) const;
};
/// Reads one answer; status 0: none in time. `head`: it has no body whatever its length says.
http_answer read_http(raw_client& from, milliseconds within = milliseconds{5000}, bool head = false);
/// One request on a connection of its own.
http_answer http_request(std::uint16_t port, std::string_view method, std::string_view target,
                         const std::vector<std::string>& headers = {}, std::string_view body = {},
                         bool tls = false);

/// The value of a header in a message's head; empty: not there.
std::string header_of(std::string_view head, std::string_view name);

} // namespace hubbub::tests
