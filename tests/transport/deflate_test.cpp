#include "broker/deflate.hpp"
#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

using namespace hubbub;
using namespace hubbub::tests;

namespace {

ws_options offering(const std::string& offer) { return {.headers = {"Sec-WebSocket-Extensions: " + offer}}; }

std::string compressed(std::string_view text) {
  broker::deflater d{6};
  std::string out;
  REQUIRE(d.compress(out, text));
  return out;
}

const std::string hello{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7}; // RFC 7692 section 7.2.3.1

} // namespace

TEST_CASE("compression is agreed on only where nothing is kept between messages", "[deflate]") {
  test_server server;
  const std::string ours = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  auto agreed = [&](const std::string& offer) {
    return ws_client{server.port(), offering(offer)}.header("Sec-WebSocket-Extensions");
  };
  CHECK(agreed("permessage-deflate") == ours);
  CHECK(agreed("permessage-deflate; client_max_window_bits") == ours); // browsers
  CHECK(agreed("permessage-deflate; client_max_window_bits=10; server_no_context_takeover") == ours);
  CHECK(agreed("x-other, permessage-deflate; server_max_window_bits=10, permessage-deflate") == ours);
  CHECK(agreed("permessage-deflate; server_max_window_bits=10").empty());
  CHECK(agreed("permessage-deflate; what=1").empty());
  CHECK(agreed("x-webkit-deflate-frame").empty());
  server.on_loop([&] { server.deflate = false; });
  CHECK(agreed("permessage-deflate").empty());
  server.on_loop([&] {
    CHECK(server.clients.front()->connection == nullptr);
    CHECK(server.listener.counters().upgraded == 8);
  });
}

TEST_CASE("compressed and plain messages come in as they were meant", "[deflate]") {
  transport::listener_options options;
  options.message_bytes = 1 << 20;
  options.control_bytes = 1 << 20;
  test_server server{options};
  ws_client client{server.port(), offering("permessage-deflate")};
  std::string json = "[";
  for (int i = 0; i < 20'000; ++i)
    json += std::to_string(i * 7919) + ",";
  json += "0]";
  const auto packed = compressed(json);
  REQUIRE(packed.size() > 70'000);
  // In one segment, so that the reader has several messages at hand.
  client.send_raw(ws_client::frame(1, hello, true, true) + ws_client::frame(1, "plain") +
                  ws_client::frame(2, hello, true, true) +
                  ws_client::frame(1, hello.substr(0, 3), false, true) + ws_client::frame(9, "ping") +
                  ws_client::frame(0, hello.substr(3)) + ws_client::frame(1, packed, true, true) +
                  ws_client::frame(1, "end"));
  CHECK(client.read_message() == "Hello");
  CHECK(client.read_message() == "plain");
  CHECK(client.read_message() == "binary");
  CHECK(client.read_message() == "Hello");
  CHECK((client.read_message() == json));
  CHECK(client.read_message() == "end");
  server.on_loop(
      [&] { CHECK(server.clients[0]->connection->format() == broker::wire_format::websocket_deflate); });
}

TEST_CASE("frames compressed elsewhere reach a client that agreed", "[deflate]") {
  test_server server;
  ws_client client{server.port(), offering("permessage-deflate")};
  auto handler = server.client();
  const std::string json =
      "{\"room\":\"chat.42\",\"again\":\"chat.42\",\"and\":\"chat.42\",\"again\":\"chat.42\"}";
  const auto packed = compressed(json);
  std::string frame;
  broker::append_frame_header(frame, packed.size(), true);
  frame += packed;
  server.on_loop([&] {
    std::string_view slice{frame};
    CHECK(handler->connection->write({&slice, 1}) == frame.size());
    handler->connection->control_frame(frame);
  });
  CHECK(client.read_message() == json);
  CHECK(client.read_message() == json);
}

TEST_CASE("one client's messages cannot be read through another's compression", "[deflate]") {
  test_server server;
  ws_client one{server.port(), offering("permessage-deflate")},
      two{server.port(), offering("permessage-deflate")};
  one.send_raw(ws_client::frame(1, hello, true, true));
  REQUIRE(one.read_message() == "Hello");
  // RFC 7692 section 7.2.3.2: refers to the message before, which was another client's.
  two.send_raw(ws_client::frame(1, std::string{"\xf2\x00\x11\x00\x00", 5}, true, true));
  auto answer = two.read_message();
  REQUIRE(answer);
  CHECK(answer->find("Hello") == std::string::npos);
  CHECK(two.wait_for_close()->close_code() == 1007);
}

TEST_CASE("bad compression ends the connection by name", "[deflate]") {
  transport::listener_options options;
  options.message_bytes = 100'000;
  test_server server{options};
  ws_client client{server.port(), offering("permessage-deflate")};
  int code = 1007;
  SECTION("a bomb") {
    code = 1009;
    const auto bomb = compressed(std::string(10'000'000, 'a'));
    REQUIRE(bomb.size() < 100'000);
    client.send_raw(ws_client::frame(1, bomb, true, true));
  }
  SECTION("noise") { client.send_raw(ws_client::frame(1, "\xff\xff\xff\xff\xff", true, true)); }
  SECTION("text that is not UTF-8 inside") {
    client.send_raw(ws_client::frame(1, compressed(std::string(100, '\xe9')), true, true));
  }
  SECTION("a mark on a continuation") {
    code = 1002;
    client.send_raw(ws_client::frame(1, hello, false, true) + ws_client::frame(0, hello, true, true));
  }
  SECTION("a mark on a ping") {
    code = 1002;
    client.send_raw(ws_client::frame(9, hello, true, true));
  }
  auto closed = client.wait_for_close();
  REQUIRE(closed);
  CHECK(closed->close_code() == code);
  CHECK(server.listener.counters().protocol_errors == 1);
}
