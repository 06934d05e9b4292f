#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

/// Republished messages come at most once: what is lost must be found.
namespace hubbub::test {
namespace {

struct lossy_node {
  explicit lossy_node(cluster::nats_intervals every)
      : node{proxy.url(), {}, every}, chat{*node.bus, "chat.1"} {
    chat.seen().ready();
  }
  /// Publishes through a node of its own, past the proxy; what says "lost" never comes.
  void publish(const std::string& data) { wire.publish_now("hubbub.rooms.chat.1", '"' + data + '"'); }

  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
  room_double chat;
  nats_wire wire{server.port()};
};

/// None of them soon.
cluster::nats_intervals never() {
  cluster::nats_intervals every;
  every.burst = every.round = 1h;
  return every;
}

TEST_CASE("what is looked for, and how soon, is what was promised", "[nats]") {
  const cluster::nats_options defaults;
  CHECK(defaults.every.burst == 250ms);
  CHECK(defaults.every.trouble == 1s);
  CHECK(defaults.every.round == 30s);
  CHECK(defaults.every.canary_late + defaults.every.canary < 5s);
  CHECK(defaults.every.configuration == 1min);
}

TEST_CASE("an event that never came is a hole before the next one", "[nats]") {
  lossy_node t{never()};
  t.publish("1");
  t.chat.seen().until_events(1);
  t.proxy.lose("hubbub.out.", "lost");
  t.publish("lost");
  t.publish("3");
  t.chat.seen().until_events(2);
  CHECK(t.proxy.lost() == 1);
  const auto seen = t.chat.seen().events();
  CHECK(data_of(seen) == texts{"\"1\"", "\"3\""});
  CHECK(seen[1]->previous > seen[0]->offset);
  const auto read_there = read(*t.node.bus, after("chat.1", seen[0]->offset));
  CHECK(data_of(read_there.events) == texts{"\"lost\"", "\"3\""});
  CHECK(read_there.complete);
}

TEST_CASE("the last event of a burst is missed soon after it", "[nats]") {
  auto every = never();
  every.burst = 250ms;
  lossy_node t{every};
  t.proxy.lose("hubbub.out.", "lost");
  t.publish("1");
  t.publish("lost");
  const auto begun = std::chrono::steady_clock::now();
  t.chat.seen().until_events(2);
  const auto took = std::chrono::steady_clock::now() - begun;
  CHECK(took > 150ms);
  CHECK(took < 1500ms); // on a machine that is busy
  CHECK(t.proxy.lost() == 1);
  const auto seen = t.chat.seen().events();
  CHECK(data_of(seen) == texts{"\"1\"", "\"lost\""});
  // Nothing but the room's own look can tell what was before it.
  CHECK(seen[1]->previous >= seen[0]->offset);
}

TEST_CASE("the lost event of a quiet room is found in the slow round", "[nats]") {
  auto every = never();
  every.round = 500ms;
  lossy_node t{every};
  t.proxy.lose("hubbub.out.", "lost");
  t.publish("lost");
  t.chat.seen().until_events(1);
  CHECK(t.proxy.lost() == 1);
  CHECK(data_of(t.chat.seen().events()) == texts{"\"lost\""});
}

TEST_CASE("what was published during a cut comes to all rooms after it", "[nats]") {
  lossy_node t{never()};
  room_double two{*t.node.bus, "chat.2"}, quiet{*t.node.bus, "chat.quiet"};
  for (auto* r : {&two, &quiet})
    r->seen().ready();
  t.publish("1");
  t.chat.seen().until_events(1);
  t.proxy.cut();
  REQUIRE(eventually([&] { return t.node.bus->health().code != broker::errc::ok; }));
  for (const auto* data : {"2", "3", "4"})
    t.publish(data);
  t.wire.publish_now("hubbub.rooms.chat.2", "\"5\"");
  // Nobody is interested in it, and it is no room's name.
  t.wire.publish_now("hubbub.rooms.chat.a$b", "\"6\"");
  t.proxy.heal();
  t.chat.seen().until_events(4);
  two.seen().until_events(1);
  CHECK(data_of(t.chat.seen().events()) == texts{"\"1\"", "\"2\"", "\"3\"", "\"4\""});
  const auto seen = t.chat.seen().events();
  for (std::size_t i = 1; i < seen.size(); ++i)
    CHECK(seen[i]->previous == seen[i - 1]->offset);
  CHECK(t.node.log.says("no room's name"));
  CHECK(quiet.seen().events().empty());
  REQUIRE(eventually([&] { return t.node.bus->health().code == broker::errc::ok; }));
  CHECK_FALSE(t.chat.seen().broke_the_rules());
}

TEST_CASE("an event that was lost before a cut, and not missed yet, is a hole after it", "[nats]") {
  auto every = never();
  every.canary = 100ms;
  lossy_node t{every};
  t.publish("1");
  t.chat.seen().until_events(1);
  t.proxy.lose("hubbub.out.", "lost");
  t.publish("lost");
  REQUIRE(eventually([&] { return t.proxy.lost() == 1; }));
  std::this_thread::sleep_for(500ms); // some looks: nobody would read that place of the stream again
  t.proxy.lose_nothing();
  t.proxy.cut();
  t.publish("3");
  t.proxy.heal();
  t.chat.seen().until_events(2);
  const auto seen = t.chat.seen().events();
  CHECK(data_of(seen) == texts{"\"1\"", "\"3\""});
  CHECK(seen[1]->previous > seen[0]->offset);
  const auto read_there = read(*t.node.bus, after("chat.1", seen[0]->offset));
  CHECK(data_of(read_there.events) == texts{"\"lost\"", "\"3\""});
}

bool is_empty(nats_wire& wire) {
  return eventually([&] { return stream_info(wire).find("\"messages\":0,") != std::string::npos; });
}

TEST_CASE("an event that grew too old before it was missed leaves a hole", "[nats]") {
  broker::policy rules;
  rules.history_age = 500ms;
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node{proxy.url(), rules, never()};
  room_double chat{*node.bus, "chat.1"};
  nats_wire wire{server.port()};
  chat.seen().ready();
  wire.publish_now("hubbub.rooms.chat.1", "\"1\"");
  chat.seen().until_events(1);
  proxy.lose("hubbub.out.", "lost");
  wire.publish_now("hubbub.rooms.chat.1", "\"lost\"");
  REQUIRE(is_empty(wire));
  wire.publish_now("hubbub.rooms.chat.1", "\"3\"");
  chat.seen().until_events(2);
  CHECK(proxy.lost() == 1);
  const auto seen = chat.seen().events();
  CHECK(data_of(seen) == texts{"\"1\"", "\"3\""});
  CHECK(seen[1]->previous > seen[0]->offset);
  const auto rest = read(*node.bus, after("chat.1", seen[0]->offset));
  CHECK_FALSE(rest.complete);
}

TEST_CASE("an event that was purged while a node was cut off leaves a hole", "[nats]") {
  lossy_node t{never()};
  t.publish("1");
  t.chat.seen().until_events(1);
  t.proxy.cut();
  REQUIRE(eventually([&] { return t.node.bus->health().code != broker::errc::ok; }));
  t.publish("lost");
  t.wire.request("$JS.API.STREAM.PURGE.HUBBUB_chat");
  t.proxy.heal();
  // Its answer comes behind the look that follows a cut.
  REQUIRE(eventually([&] { return read(*t.node.bus, after("chat.1", 0)).why.code == broker::errc::ok; }));
  t.publish("3");
  t.chat.seen().until_events(2);
  const auto seen = t.chat.seen().events();
  CHECK(data_of(seen) == texts{"\"1\"", "\"3\""});
  CHECK(seen[1]->previous > seen[0]->offset);
}

TEST_CASE("a quiet room whose events grew old has no holes while it is looked after", "[nats]") {
  broker::policy rules;
  rules.history_age = 1s;
  auto every = never();
  every.round = 50ms;
  nats_server server;
  nats_node node{server.url(), rules, every};
  room_double chat{*node.bus, "chat.1"};
  nats_wire wire{server.port()};
  chat.keep("0");
  // A machine that stands still for a moment makes it doubt, and rightly: but not each time.
  auto without_hole = false;
  for (std::size_t i = 2; i <= 10 && !without_hole; ++i) {
    REQUIRE(is_empty(wire));
    wire.publish_now("hubbub.rooms.chat.other", "1"); // so that the room's offsets are not consecutive
    wire.publish_now("hubbub.rooms.chat.1", "1");
    chat.seen().until_events(i);
    without_hole = chat.seen().events().back()->previous == 0;
  }
  CHECK(without_hole);
}

TEST_CASE("a room that could not be compared is compared again soon", "[nats]") {
  auto every = never();
  every.burst = 100ms;
  every.canary = 1h; // no other question is on its way
  lossy_node t{every};
  t.proxy.lose("hubbub.out.", "lost");
  t.proxy.lose_also("_INBOX.", "hubbub.rooms.chat.1");
  t.publish("1");
  t.publish("lost");
  REQUIRE(eventually([&] { return t.proxy.lost() >= 2; }));
  t.proxy.lose_nothing();
  t.chat.seen().until_events(2);
  CHECK(data_of(t.chat.seen().events()) == texts{"\"1\"", "\"lost\""});
}

TEST_CASE("a cut that a room's log did not survive leaves a hole", "[nats]") {
  broker::policy rules;
  rules.history_size = 3;
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node{proxy.url(), rules, never()};
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  proxy.cut();
  nats_wire wire{server.port()};
  for (auto i = 2; i < 9; ++i)
    wire.publish_now("hubbub.rooms.chat.1", std::to_string(i));
  proxy.heal();
  chat.seen().until_events(2);
  const auto seen = chat.seen().events();
  CHECK(seen[1]->previous > seen[0]->offset);
  chat.seen().until_at(8);
  const auto rest = read(*node.bus, after("chat.1", seen[0]->offset));
  CHECK_FALSE(rest.complete);
  CHECK(data_of(rest.events) == texts{"6", "7", "8"});
}

} // namespace
} // namespace hubbub::test
