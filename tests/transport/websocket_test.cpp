#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

#include <memory>
#include <set>
#include <vector>

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

TEST_CASE("nothing is delivered while reading is paused, and nothing is lost by it", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  client.send_raw(ws_client::frame(1, "pause") + ws_client::frame(1, "one") + ws_client::frame(1, "two"));
  auto handler = server.client();
  REQUIRE(eventually(2s, [&] { return server.ask<bool>([&] { return !handler->messages.empty(); }); }));
  for (int i = 0; i < 100; ++i)
    client.send_text("more " + std::to_string(i));
  CHECK_FALSE(client.read_message(150ms));
  server.on_loop([&] {
    CHECK(handler->messages == std::vector<std::string>{"pause"});
    handler->connection->resume_reading();
  });
  CHECK(client.read_message() == "one");
  CHECK(client.read_message() == "two");
  for (int i = 0; i < 100; ++i)
    CHECK(client.read_message() == "more " + std::to_string(i));
}

TEST_CASE("a peer that resets is noticed while reading is paused", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  client.send_text("pause");
  auto handler = server.client();
  REQUIRE(eventually(2s, [&] { return server.ask<bool>([&] { return !handler->messages.empty(); }); }));
  client.send_text("unread");
  client.socket().close(true);
  CHECK(eventually(2s, [&] { return server.closed == 1; }));
}

TEST_CASE("the handler hears when the control lane has gone", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  client.send_text("hello");
  REQUIRE(client.read_message());
  auto handler = server.client();
  CHECK(eventually(1s, [&] { return server.ask<int>([&] { return handler->control_sent; }) == 1; }));
  server.on_loop([&] { CHECK(handler->connection->control_bytes() == 0); });
}

TEST_CASE("answers that are never read end the connection, and stay bounded until then", "[websocket]") {
  transport::listener_options options;
  options.send_buffer_bytes = 4608;
  options.control_bytes = 100'000;
  options.close_within = 200ms;
  test_server server{options};
  ws_client client{server.port(), {.receive_buffer = 2048}};
  std::size_t most = 0;
  auto handler = server.client();
  for (int i = 0; i < 200 && !server.closed; ++i) {
    client.send_text("big 10000");
    server.on_loop([&] {
      if (handler->connection)
        most = std::max(most, handler->connection->control_bytes());
    });
  }
  CHECK(eventually(3s, [&] { return server.closed == 1; }));
  CHECK(server.listener.counters().slow_consumers == 1);
  CHECK(most < 112'000);
}

TEST_CASE("the rest of a large event leaves room for answers", "[websocket]") {
  transport::listener_options options;
  options.send_buffer_bytes = 4608;
  options.control_bytes = 10'000;
  test_server server{options};
  ws_client client{server.port(), {.receive_buffer = 2048}};
  auto handler = server.client();
  std::string event;
  broker::append_text_frame(event, std::string(300'000, 'e'));
  server.on_loop([&] {
    auto& wire = *handler->connection;
    const std::string_view all[] = {event};
    const auto taken = wire.write(all);
    CHECK(taken < event.size());
    wire.keep(std::string_view{event}.substr(taken));
    for (auto i = 0; i < 5; ++i)
      wire.control("an answer");
    CHECK(wire.control_bytes() == 5 * (2 + std::string_view{"an answer"}.size()));
  });
  CHECK(server.listener.counters().slow_consumers == 0);
  const auto first = client.read_message();
  REQUIRE(first);
  CHECK(first->size() == 300'000);
  for (auto i = 0; i < 5; ++i)
    CHECK(client.read_message() == "an answer");
  CHECK(eventually(
      2s, [&] { return server.ask<bool>([&] { return handler->connection->control_bytes() == 0; }); }));
  // What is answered counts again.
  server.on_loop([&] { handler->connection->control(std::string(20'000, 'a')); });
  CHECK(client.read_message()->size() == 20'000);
  CHECK(server.closed == 0);
}

TEST_CASE("answers that have gone are not kept waiting by the rest of an event behind them", "[websocket]") {
  transport::listener_options options;
  options.send_buffer_bytes = 4608;
  test_server server{options};
  ws_client client{server.port(), {.receive_buffer = 2048}};
  auto handler = server.client();
  std::string event;
  broker::append_text_frame(event, std::string(300'000, 'e'));
  server.on_loop([&] {
    auto& wire = *handler->connection;
    wire.control("an answer");
    const std::string_view all[] = {event};
    const auto taken = wire.write(all);
    REQUIRE(taken > 0);
    REQUIRE(taken < event.size());
    wire.keep(std::string_view{event}.substr(taken));
  });
  // The client has read nothing yet.
  CHECK(eventually(2s, [&] { return server.ask<int>([&] { return handler->control_sent; }) == 1; }));
  server.on_loop([&] {
    CHECK(handler->connection->unsent_bytes() > 200'000);
    CHECK(handler->writable == 0);
    handler->connection->control("another");
  });
  CHECK(client.read_message() == "an answer");
  CHECK(client.read_message()->size() == 300'000);
  CHECK(client.read_message() == "another");
  CHECK(eventually(2s, [&] { return server.ask<int>([&] { return handler->control_sent; }) == 2; }));
  server.on_loop([&] { CHECK(handler->writable > 0); });
}

TEST_CASE("a client that pings and never reads costs one pong", "[websocket]") {
  transport::listener_options options;
  options.send_buffer_bytes = 4608;
  test_server server{options};
  ws_client client{server.port(), {.receive_buffer = 2048}};
  auto handler = server.client();
  // Until TCP takes no more: the server has stopped reading.
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += ws_client::frame(9, std::string(125, 'p'));
  int sent = 0;
  while (sent < 100'000 && client.send_raw(many, 300ms))
    sent += 100;
  CHECK(sent < 100'000);
  server.on_loop([&] { CHECK(handler->connection->control_bytes() <= 2 * 127); });
  CHECK(server.closed == 0);
  // It reads at last, and has all the pongs.
  auto first = client.read_frame();
  REQUIRE(first);
  CHECK(first->opcode == 10);
  CHECK(first->payload == std::string(125, 'p'));
  CHECK(client.read_frame()->opcode == 10);
}

TEST_CASE("the loop's end drops every connection and tells its handler", "[websocket]") {
  test_server server;
  ws_client client{server.port()};
  auto handler = server.client();
  server.stop();
  CHECK(handler->closed);
  CHECK(client.socket().wait_for_end(1s));
  CHECK(server.gone == 1);
}

TEST_CASE("close_all says goodbye to everybody and accepts no one", "[websocket]") {
  test_server server;
  ws_client one{server.port()}, two{server.port()};
  REQUIRE(server.client(1));
  const auto port = server.port();
  server.listener.close_all({broker::close_code::draining, "drain", 0});
  CHECK(one.wait_for_close()->close_code() == 4101);
  CHECK(two.wait_for_close()->close_code() == 4101);
  CHECK(eventually(2s, [&] { return server.closed == 2; }));
  CHECK_THROWS(raw_client{"127.0.0.1", port});
}

TEST_CASE("clients that all must go are each told a time of their own to come back", "[websocket]") {
  test_server server;
  std::vector<std::unique_ptr<ws_client>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(std::make_unique<ws_client>(server.port()));
  REQUIRE(server.client(7));
  server.listener.close_all({broker::close_code::draining, "drain", 1000});
  std::set<int> waits;
  const std::string_view field = "\"retry_after_ms\":";
  for (auto& c : all) {
    const auto goodbye = c->read_message();
    REQUIRE(goodbye);
    const auto at = goodbye->find(field);
    REQUIRE(at != goodbye->npos);
    waits.insert(std::stoi(goodbye->substr(at + field.size())));
  }
  CHECK(*waits.begin() >= 1);
  CHECK(*waits.rbegin() <= 1000);
  CHECK(waits.size() > 1);
}

TEST_CASE("every goodbye is told, once", "[websocket]") {
  std::vector<int> told; // the loop's
  transport::listener_options options;
  options.send_buffer_bytes = 4608;
  options.message_bytes = 10'000;
  options.control_bytes = 20'000;
  options.close_within = 200ms;
  options.on_goodbye = [&](broker::close_code code) { told.push_back(static_cast<int>(code)); };
  test_server server{options};
  const auto sent = [&](std::string_view bytes, int code) {
    ws_client client{server.port()};
    client.send_raw(bytes);
    CHECK(client.wait_for_close()->close_code() == code);
  };
  sent(ws_client::frame(3, "x"), 1002);
  sent(ws_client::frame(1, "caf\xe9"), 1007);
  sent(ws_client::frame(1, std::string(20'000, 'x')), 1009);
  sent(ws_client::frame(1, "goodbye"), 4101);  // the handler's own
  sent(ws_client::frame(8, "\x03\xe8"), 1000); // the client's
  {
    ws_client deaf{server.port(), {.receive_buffer = 2048}};
    for (int i = 0; i < 100; ++i)
      deaf.send_text("big 10000");
    CHECK(eventually(3s, [&] { return server.listener.counters().slow_consumers == 1; }));
  }
  ws_client staying{server.port()};
  REQUIRE(server.client(6));
  server.listener.close_all({broker::close_code::going_away, "the end", 0});
  CHECK(staying.wait_for_close()->close_code() == 1001);
  server.on_loop([&] { CHECK(told == std::vector<int>{1002, 1007, 1009, 4101, 4103, 1001}); });
}
