#include "tests/cluster/stream_fixture.hpp"

#include <array>
#include <set>
#include <thread>
#include <vector>

/// Which stream it is, whoever makes it.
namespace hubbub::test {
namespace {

using broker::errc;

TEST_CASE_METHOD(stream_fixture, "a stream that somebody deletes is made again, in another epoch", "[nats]") {
  room_double chat{*node.bus, "chat.1"};
  const auto head = chat.seen().ready();
  chat.keep("1");
  chat.keep("2");
  remove();
  REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
  CHECK(chat.seen().epochs().front().epoch != head.epoch);
  CHECK(node.log.says("begun anew"));
  const auto p = chat.publish(chat.event("3"));
  REQUIRE(p.stored);
  CHECK(p.what.position.epoch == chat.seen().epochs().front().epoch);
  CHECK(p.what.position.offset == 1);
  chat.seen().until_events(3);
  CHECK(data_of(read(*node.bus, after("chat.1", 0)).events) == texts{"3"});
  CHECK(node.bus->health().code == errc::ok);
}

TEST_CASE_METHOD(stream_fixture, "which stream it is stands on it, whatever time of creation servers tell",
                 "[nats]") {
  const auto epoch = read(*node.bus, after("chat.1", 0)).head.epoch;
  node.bus.reset();
  make_again_as_it_was();
  node.open();
  CHECK(read(*node.bus, after("chat.1", 0)).head.epoch == epoch);
  CHECK_FALSE(node.log.has_said("changed by somebody else"));
}

TEST_CASE_METHOD(stream_fixture,
                 "a stream of somebody else's is the same when it is written on it which it is", "[nats]") {
  node.bus.reset();
  remove();
  make(R"("subjects":["hubbub.rooms.chat.>"],"storage":"file",)"
       R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"})");
  node.open();
  const auto epoch = read(*node.bus, after("chat.1", 0)).head.epoch;
  CHECK(stream_says(" id="));
  node.open();
  CHECK(read(*node.bus, after("chat.1", 0)).head.epoch == epoch);
  CHECK_FALSE(node.log.has_said("begun anew"));
}

TEST_CASE("a stream that was made again as it was, and much later, has another epoch", "[nats]") {
  stream_fixture t;
  t.node.bus.reset();
  t.node.options.every.canary = 1h; // looks only when it is read
  SECTION("much later") {
    t.node.options.every.made_again = 1ms;
    t.node.open();
    room_double chat{*t.node.bus, "chat.1"};
    const auto head = chat.seen().ready();
    t.make_again_as_it_was();
    static_cast<void>(read(*t.node.bus, after("chat.2", 0)));
    REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
    CHECK(chat.seen().epochs().front().epoch != head.epoch);
    CHECK(t.node.log.says("made again as it was"));
  }
  SECTION("as soon as nodes make one that do so at once") {
    t.node.open();
    const auto epoch = read(*t.node.bus, after("chat.1", 0)).head.epoch;
    t.make_again_as_it_was();
    CHECK(read(*t.node.bus, after("chat.1", 0)).head.epoch == epoch);
  }
}

TEST_CASE("nodes that make a stream at once find the same one", "[nats]") {
  nats_server server;
  std::array<nats_node, 4> nodes;
  std::vector<std::thread> opening;
  for (auto& node : nodes) {
    node.options.servers = {server.url()};
    opening.emplace_back([&node] { node.open(); });
  }
  for (auto& one : opening)
    one.join();
  std::set<std::string> epochs;
  for (auto& node : nodes)
    epochs.insert(read(*node.bus, after("chat.1", 0)).head.epoch);
  CHECK(epochs.size() == 1);
}

} // namespace
} // namespace hubbub::test
