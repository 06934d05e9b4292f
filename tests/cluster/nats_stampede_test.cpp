#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <string>

/// What a cut sets off: all rooms want to know at once what they missed, and JetStream is to stand it.
namespace hubbub::test {
namespace {

constexpr std::size_t rooms = 1'000;
const std::string new_consumer = "$JS.API.CONSUMER.CREATE.";
const std::string one_message = "$JS.API.STREAM.MSG.GET.";

struct many_rooms {
  many_rooms() {
    node.options.servers = {proxy.url()};
    node.options.every.burst = node.options.every.round = 1h; // no room looks but for the cut
    node.options.timeout = 5s;                                // nor asks again soon
    node.open();
    for (std::size_t i = 0; i < rooms; ++i)
      all.emplace_back(*node.bus, name(i));
    for (auto& room : all)
      room.seen().ready();
  }
  static std::string name(std::size_t i) { return "chat." + std::to_string(i); }
  void cut() {
    proxy.cut();
    REQUIRE(eventually([&] { return node.bus->health().code != broker::errc::ok; }));
  }
  [[nodiscard]] bool everybody_has(std::size_t events) {
    return within(20s, [&] {
      return std::all_of(all.begin(), all.end(),
                         [&](room_double& room) { return room.seen().events().size() == events; });
    });
  }

  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
  std::deque<room_double> all;
  nats_wire wire{server.port()};
};

TEST_CASE_METHOD(many_rooms, "what a thousand rooms missed is read once, not by each of them", "[nats]") {
  cut();
  for (std::size_t i = 0; i < rooms; ++i)
    wire.publish_now("hubbub.rooms." + name(i), "1");
  const auto consumers = proxy.asked(new_consumer);
  const auto messages = proxy.asked(one_message);
  proxy.heal();
  REQUIRE(everybody_has(1));
  CHECK(proxy.asked(new_consumer) - consumers <= 2);
  CHECK(proxy.asked(one_message) - messages <= 10);
}

TEST_CASE_METHOD(many_rooms, "rooms that ask, as too much was missed to read it, wait for each other",
                 "[nats]") {
  for (std::size_t i = 0; i < rooms; ++i)
    wire.publish_now("hubbub.rooms." + name(i), "1");
  REQUIRE(everybody_has(1));
  cut();
  for (std::size_t i = 0; i < rooms; ++i)
    wire.publish_now("hubbub.rooms." + name(i), "3");
  // More than anybody reads through, of a room that nobody is in.
  std::string burst;
  for (auto i = 0; i < 1'000; ++i)
    burst += nats_wire::text_of("hubbub.rooms.chat.none", "2");
  for (auto i = 0; i < 51; ++i)
    wire.send(burst);
  wire.publish_now("hubbub.rooms.chat.none", "2");
  // So no room's question is over.
  proxy.lose("_INBOX.", "\"data\":\"Mw==\"");
  const auto before = proxy.asked(one_message);
  const auto open = [&] { return proxy.asked(one_message) - before; };
  proxy.heal();
  REQUIRE(eventually([&] { return open() >= 256; }));
  std::this_thread::sleep_for(200ms);
  CHECK(open() <= 256 + 10); // the stream's own
  proxy.lose_nothing();
  CHECK(everybody_has(2));
}

TEST_CASE("a stream is read for eight at a time, and the others wait", "[nats]") {
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
  node.options.servers = {proxy.url()};
  node.options.timeout = 3s;
  node.open();
  nats_wire wire{server.port()};
  for (const auto* name : {"chat.1", "chat.1", "chat.2"}) // so chat.2's event is not the next one
    wire.publish_now("hubbub.rooms." + std::string{name}, "1");
  proxy.lose("_INBOX.", "consumer_create_response");
  constexpr auto all = 100;
  std::atomic<int> answered = 0, whole = 0;
  for (auto i = 0; i < all; ++i)
    node.bus->read(after("chat.2", 0), [&](const broker::read_result& r) {
      whole += r.complete && r.events.size() == 1 ? 1 : 0;
      ++answered;
    });
  REQUIRE(eventually([&] { return proxy.asked(new_consumer) >= 8; }));
  std::this_thread::sleep_for(200ms);
  CHECK(proxy.asked(new_consumer) == 8);
  proxy.lose_nothing();
  CHECK(within(20s, [&] { return answered == all; }));
  CHECK(whole >= all - 8);
}

} // namespace
} // namespace hubbub::test
