#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

#include <random>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// A few good frames, then some of their bytes changed, dropped or doubled.
std::string damaged_frames(std::mt19937& random) {
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
  std::string bytes;
  for (std::size_t i = 0, n = 1 + below(8); i < n; ++i) {
    static constexpr int opcodes[] = {1, 1, 1, 2, 9, 10, 0, 8};
    const auto opcode = opcodes[below(std::size(opcodes))];
    std::string payload(below(opcode >= 8 ? 20 : 300), 'a');
    bytes += ws_client::frame(opcode, payload, below(4) != 0 || opcode >= 8, below(6) == 0);
  }
  for (std::size_t i = 0, n = below(6); i < n && !bytes.empty(); ++i) {
    const auto at = below(bytes.size());
    switch (below(4)) {
    case 0:
      bytes[at] = static_cast<char>(below(256));
      break;
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
      break;
    case 2:
      bytes.erase(at, 1 + below(8));
      break;
    default:
      bytes.insert(at, bytes.substr(at, 1 + below(20)));
    }
  }
  return bytes;
}

} // namespace

TEST_CASE("damaged frames and handshakes end connections, and nothing else", "[websocket][slow]") {
  transport::listener_options options;
  options.message_bytes = 4096;
  options.close_within = 200ms;
  test_server server{options};
  std::mt19937 random{2026};
  constexpr int connections = 1500;
  for (int i = 0; i < connections; ++i) {
    ws_options how;
    if (i % 2)
      how.headers = {"Sec-WebSocket-Extensions: permessage-deflate"};
    ws_client client{server.port(), how};
    client.send_raw(damaged_frames(random), 500ms);
    client.socket().shut_writing();
    client.socket().close(i % 3 == 0);
  }
  for (int i = 0; i < 500; ++i) {
    std::string request = "GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
                          "Sec-WebSocket-Protocol: a, b\r\nCookie: a=b; hubbub_token=c\r\n\r\n";
    for (std::size_t n = random() % 5; n; --n)
      request[random() % request.size()] = static_cast<char>(random() % 256);
    raw_client client{"127.0.0.1", server.port()};
    client.send_raw(request, 500ms);
    client.shut_writing();
    client.close(i % 3 == 0);
  }
  CHECK(eventually(10s, [&] { return server.closed == server.opened && server.gone == connections + 500; }));
  CHECK(server.opened >= connections);
  CHECK(server.listener.counters().websockets == 0);
  CHECK(server.listener.counters().half_open == 0);
  ws_client client{server.port()};
  client.send_text("well");
  CHECK(client.read_message() == "well");
}
