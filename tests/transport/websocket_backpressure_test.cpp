#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

#include <string>
#include <vector>

using namespace hubbub;
using namespace hubbub::tests;

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
