#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

#include <string>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// The goodbye's text, then its close frame.
void check_sent_away(ws_client& client, int code, const std::string& word) {
  auto goodbye = client.read_message();
  REQUIRE(goodbye);
  INFO(*goodbye);
  CHECK(goodbye->find("\"goodbye\"") != std::string::npos);
  CHECK(goodbye->find(std::to_string(code)) != std::string::npos);
  auto closed = client.wait_for_close();
  REQUIRE(closed);
  CHECK(closed->close_code() == code);
  CHECK(closed->close_reason().find(word) != std::string::npos);
  CHECK(client.socket().wait_for_end(2s));
}

} // namespace

TEST_CASE("a message of any length comes back as it was", "[websocket]") {
  transport::listener_options options;
  options.message_bytes = 1 << 20;
  options.control_bytes = 1 << 20;
  test_server server{options};
  ws_client client{server.port()};
  for (std::size_t n : {0, 1, 125, 126, 127, 1535, 1536, 1537, 16'384, 65'535, 65'536, 70'000, 1'000'000}) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i)
      text += static_cast<char>('a' + i * 31 % 26);
    REQUIRE(client.send_text(text));
    auto back = client.read_message();
    REQUIRE(back);
    CHECK((*back == text));
  }
}

TEST_CASE("many messages in one segment are answered in order", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  std::string all;
  for (int i = 0; i < 1000; ++i)
    all += ws_client::frame(1, "message " + std::to_string(i));
  REQUIRE(client.send_raw(all));
  for (int i = 0; i < 1000; ++i)
    REQUIRE(client.read_message() == "message " + std::to_string(i));
}

TEST_CASE("a message may come in fragments, with pings between and byte by byte", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  const auto bytes = ws_client::frame(1, "one ", false) + ws_client::frame(9, "are you there") +
                     ws_client::frame(0, "", false) + ws_client::frame(0, "two", true) +
                     ws_client::frame(1, "next");
  SECTION("at once") { REQUIRE(client.send_raw(bytes)); }
  SECTION("byte by byte") {
    for (char c : bytes)
      REQUIRE(client.send_raw({&c, 1}));
  }
  auto pong = client.read_frame();
  REQUIRE(pong);
  CHECK(pong->opcode == 10);
  CHECK(pong->payload == "are you there");
  CHECK(client.read_message() == "one two");
  CHECK(client.read_message() == "next");
}

TEST_CASE("what comes in behind the upgrade's request is not lost", "[websocket]") {
  test_server server;
  raw_client client{"127.0.0.1", server.port()};
  client.send_raw(
      "GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
      ws_client::frame(1, "early"));
  REQUIRE(client.receive_until("\r\n\r\n", 2s));
  CHECK(client.receive_exactly(7, 2s) == "\x81\x05"
                                         "early");
}

TEST_CASE("binary messages are told apart", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  client.send_binary("\x01\xff");
  CHECK(client.read_message() == "binary");
}

TEST_CASE("the client closes: its code comes back and the connection ends", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  client.send_text("last words");
  CHECK(client.close(1001));
  CHECK(client.closed()->close_code() == 1001);
  CHECK(eventually(2s, [&] { return server.closed == 1; }));
  CHECK(eventually(2s, [&] { return server.gone == 1; }));
  CHECK(server.listener.counters().websockets == 0);
}

TEST_CASE("the server closes: goodbye, close frame, end", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  client.send_text("goodbye");
  check_sent_away(client, 4101, "the node drains");
  CHECK(eventually(2s, [&] { return server.closed == 1; }));
}

TEST_CASE("a client that does not answer the close is dropped in time", "[websocket]") {
  transport::listener_options options;
  options.close_within = 300ms;
  test_server server{options};
  ws_client client{server.port()};
  client.send_text("goodbye");
  REQUIRE(client.read_message());
  const auto begun = std::chrono::steady_clock::now();
  CHECK(eventually(3s, [&] { return server.closed == 1; }));
  CHECK(std::chrono::steady_clock::now() - begun < 1500ms);
}

TEST_CASE("nobody waits for a client that missed its heartbeat", "[websocket]") {
  const auto takes_nothing = GENERATE(false, true);
  CAPTURE(takes_nothing);
  transport::listener_options options;
  options.send_buffer_bytes = 4608;
  options.close_within = 1min;
  test_server server{options};
  ws_client client{server.port(), {.receive_buffer = 2048}};
  auto handler = server.client();
  server.on_loop([&] {
    if (takes_nothing)
      handler->connection->control(std::string(100'000, 'x'));
    handler->connection->close({broker::close_code::heartbeat_missed, "did not answer a ping", 100});
  });
  CHECK(eventually(10s, [&] { return server.closed == 1; }));
  if (!takes_nothing)
    check_sent_away(client, 4104, "did not answer a ping");
}

TEST_CASE("who breaks the rules is told which", "[websocket]") {
  transport::listener_options options;
  options.message_bytes = 10'000;
  test_server server{options};
  ws_client client{server.port()};
  SECTION("an unmasked frame") {
    client.send_raw(ws_client::frame(1, "hello", true, false, false));
    check_sent_away(client, 1002, "");
  }
  SECTION("a length of 1 GB") {
    client.send_raw(std::string("\x81\xff\x00\x00\x00\x00\x40\x00\x00\x00\x01\x02\x03\x04", 14));
    check_sent_away(client, 1009, "larger");
  }
  SECTION("a length beyond 63 bits") {
    client.send_raw(std::string("\x81\xff\xff\x00\x00\x00\x40\x00\x00\x00\x01\x02\x03\x04", 14));
    check_sent_away(client, 1009, "larger");
  }
  SECTION("a message of too many fragments") {
    client.send_raw(ws_client::frame(1, std::string(6000, 'a'), false) +
                    ws_client::frame(0, std::string(6000, 'a'), false));
    check_sent_away(client, 1009, "larger");
  }
  SECTION("text that is not UTF-8") {
    client.send_text("caf\xe9 au lait");
    check_sent_away(client, 1007, "UTF-8");
  }
  SECTION("text that ends within a character") {
    client.send_text("caf\xc3");
    check_sent_away(client, 1007, "UTF-8");
  }
  SECTION("a control frame that is too long") {
    client.send_raw(ws_client::frame(9, std::string(126, 'p')));
    check_sent_away(client, 1002, "");
  }
  SECTION("a fragmented ping") {
    client.send_raw(ws_client::frame(9, "p", false));
    check_sent_away(client, 1002, "");
  }
  SECTION("an opcode that means nothing") {
    client.send_raw(ws_client::frame(3, "x"));
    check_sent_away(client, 1002, "");
  }
  SECTION("a continuation of nothing") {
    client.send_raw(ws_client::frame(0, "x"));
    check_sent_away(client, 1002, "");
  }
  SECTION("a compressed message that was not agreed on") {
    client.send_raw(ws_client::frame(1, "\xf2\x48\xcd\xc9\xc9\x07", true, true));
    check_sent_away(client, 1002, "");
  }
  SECTION("a close frame of one byte") {
    client.send_raw(ws_client::frame(8, "x"));
    check_sent_away(client, 1002, "");
  }
  CHECK(server.listener.counters().protocol_errors == 1);
  CHECK(eventually(3s, [&] { return server.closed == 1; }));
  server.on_loop([&] { CHECK(server.clients[0]->messages.empty()); });
}

TEST_CASE("a client that vanishes within a frame is forgotten", "[websocket]") {
  test_server server;
  for (bool reset : {false, true}) {
    const auto before = server.closed.load();
    ws_client client{server.port()};
    client.send_raw(ws_client::frame(1, std::string(5000, 'a')).substr(0, 2500));
    REQUIRE(eventually(2s, [&] { return server.opened == before + 1; }));
    client.socket().close(reset);
    CHECK(eventually(2s, [&] { return server.closed == before + 1 && server.gone == before + 1; }));
  }
}
