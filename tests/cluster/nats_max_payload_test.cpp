#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

/// A server of NATS that takes only small messages.
namespace hubbub::test {
namespace {

using broker::errc;

TEST_CASE("a server that takes no events as large as they may be is refused with both figures", "[nats]") {
  nats_server server{"max_payload: 504095"};
  nats_node node;
  node.options.servers = {server.url()};
  node.options.payload_bytes = 500'000;
  const auto bus = node.try_open();
  REQUIRE_FALSE(bus.has_value());
  CHECK(bus.error().message ==
        "limits.payload_bytes is 500000, and the NATS server " + server.url() +
            " takes messages of at most 504095 bytes, with their headers: set its max_payload to 504096 or "
            "more, or lower limits.payload_bytes");
  node.options.payload_bytes = 499'999;
  node.open();
  room_double chat{*node.bus, "chat.1"};
  chat.keep('"' + std::string(499'997, 'x') + '"');
}

TEST_CASE("a server that takes no messages as large as nodes send each other is refused with both figures",
          "[nats]") {
  nats_server server{"max_payload: 327679"};
  nats_node node;
  node.options.servers = {server.url()};
  const auto bus = node.try_open();
  REQUIRE_FALSE(bus.has_value());
  CHECK(bus.error().message ==
        "the NATS server " + server.url() +
            " takes messages of at most 327679 bytes, and nodes send each other larger "
            "ones: set its max_payload to 327680 or more");
}

TEST_CASE("what a server takes no more since it is back is too large, and it is said", "[nats]") {
  nats_server server;
  nats_node node{server.url(), {}, often()};
  room_double chat{*node.bus, "chat.1"};
  const auto large = '"' + std::string(30'000, 'x') + '"';
  chat.keep(large);
  server.kill();
  server.configure("max_payload: 20000");
  server.start();
  CHECK(node.log.says("takes messages of at most 20000 bytes"));
  REQUIRE(eventually([&] { return node.bus->health().code == errc::ok; }));
  const auto p = chat.publish(chat.event(large));
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.why.code == errc::too_large);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
  chat.keep("1");
}

} // namespace
} // namespace hubbub::test
