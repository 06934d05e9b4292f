#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace hubbub;
using namespace hubbub::tests;

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
