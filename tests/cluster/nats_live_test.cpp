#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

/// Live rooms between nodes: at most once, in order of each sender.
namespace hubbub::test {
namespace {

struct two_nodes {
  two_nodes() {
    here.seen().ready();
    there.seen().ready();
  }
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node one{server.url()}, two{proxy.url()};
  room_double here{*one.bus, "live.1"}, there{*two.bus, "live.1"};
};

broker::event numbered(const room_double& r, int n) {
  auto e = r.event(std::to_string(n));
  e.event_id = std::to_string(n);
  return e;
}

TEST_CASE_METHOD(two_nodes, "what one node's live room hears the others' hear, in order", "[nats]") {
  for (auto i = 0; i < 1000; ++i)
    here.interest().broadcast(numbered(here, i));
  there.interest().broadcast(numbered(there, -1));
  there.seen().until_events(1000);
  here.seen().until_events(1);
  const auto seen = there.seen().events();
  for (auto i = 0u; i < seen.size(); ++i)
    CHECK(seen[i]->data == std::to_string(i));
  CHECK(data_of(here.seen().events()) == texts{"-1"}); // not its own
  CHECK(two.bus->figures().live_lost == 0);
  CHECK_FALSE(there.seen().broke_the_rules());
}

TEST_CASE_METHOD(two_nodes, "what was lost between live rooms is counted", "[nats]") {
  here.interest().broadcast(numbered(here, 1));
  there.seen().until_events(1);
  proxy.lose("hubbub.live.", "lost");
  auto e = here.event("\"lost\"");
  e.event_id = "x";
  for (auto i = 0; i < 3; ++i)
    here.interest().broadcast(e);
  REQUIRE(eventually([&] { return proxy.lost() > 0; }));
  std::this_thread::sleep_for(50ms); // until all of them were sent
  here.interest().broadcast(numbered(here, 2));
  there.seen().until_events(2);
  REQUIRE(eventually([&] { return two.bus->figures().live_lost == 3; }));
  CHECK(data_of(there.seen().events()) == texts{"1", "2"});
  CHECK(eventually([&] { return there.seen().lost() == 3; }));
}

TEST_CASE_METHOD(two_nodes, "what follows a live room's first word is heard", "[nats]") {
  for (auto i = 0; i < 20; ++i) {
    const auto name = "live.new" + std::to_string(i);
    room_double speaker{*one.bus, name};
    room_double listener{*two.bus, name};
    listener.seen().ready();
    speaker.interest().broadcast(numbered(speaker, i));
    listener.seen().until_events(1);
  }
}

TEST_CASE_METHOD(two_nodes, "a live room that ended and was made again is heard from its first word",
                 "[nats]") {
  room_double listener{*two.bus, "live.again"};
  listener.seen().ready();
  texts said;
  for (auto life = 0; life < 3; ++life) {
    room_double speaker{*one.bus, "live.again"};
    speaker.seen().ready();
    for (auto i = 0; i < 20; ++i) {
      said.push_back(std::to_string(said.size()));
      speaker.interest().broadcast(numbered(speaker, std::stoi(said.back())));
    }
    listener.seen().until_events(said.size());
  }
  CHECK(data_of(listener.seen().events()) == said);
  CHECK(listener.seen().lost() == 0);
  CHECK(two.bus->figures().live_lost == 0);
  // A node that makes its room again does not hear itself, either.
  room_double speaker{*one.bus, "live.again"};
  speaker.seen().ready();
  speaker.interest().broadcast(numbered(speaker, -1));
  listener.seen().until_events(said.size() + 1);
  CHECK(speaker.seen().events().empty());
}

TEST_CASE_METHOD(two_nodes, "what a backend says to a live room is as small as an event must be", "[nats]") {
  nats_wire wire{server.port()};
  wire.publish_now("hubbub.rooms.live.1", '"' + std::string(65'535, 'x') + '"');
  wire.publish_now("hubbub.rooms.live.1", '"' + std::string(65'534, 'y') + '"');
  for (auto* r : {&here, &there}) {
    r->seen().until_events(1);
    CHECK(r->seen().events().front()->data.substr(0, 2) == "\"y");
    CHECK(r->seen().lost() == 0);
  }
  CHECK(one.bus->figures().foreign == 1);
  CHECK(two.bus->figures().foreign == 1);
  CHECK(one.log.says("more bytes than an event may have"));
}

TEST_CASE_METHOD(two_nodes, "a live room opens without NATS", "[nats]") {
  proxy.cut();
  REQUIRE(eventually([&] { return two.bus->health().code != broker::errc::ok; }));
  room_double alone{*two.bus, "live.alone"};
  alone.seen().ready();
}

TEST_CASE_METHOD(two_nodes, "what is sent while a node is cut off is lost, and what follows is not",
                 "[nats]") {
  here.interest().broadcast(numbered(here, 1));
  there.seen().until_events(1);
  proxy.cut();
  REQUIRE(eventually([&] { return two.bus->health().code != broker::errc::ok; }));
  here.interest().broadcast(numbered(here, 2));
  there.interest().broadcast(numbered(there, -1)); // nobody is told, and nobody waits
  proxy.heal();
  // An answer comes behind the subscriptions, which the server does not have yet when the connection is back.
  REQUIRE(eventually([&] { return read(*two.bus, after("chat.1", 0)).why.code == broker::errc::ok; }));
  here.interest().broadcast(numbered(here, 3));
  there.interest().broadcast(numbered(there, -2));
  there.seen().until_events(2);
  here.seen().until_events(1);
  CHECK(data_of(there.seen().events()) == texts{"1", "3"});
  CHECK(data_of(here.seen().events()) == texts{"-2"});
  CHECK(eventually([&] { return two.bus->figures().live_lost == 1; }));
}

TEST_CASE_METHOD(two_nodes, "rubbish on a live room's subject is counted and nothing else", "[nats]") {
  nats_wire wire{server.port()};
  for (const auto& data :
       {std::string{}, std::string{"hello"}, std::string(64, '\xff'), std::string(8, '\0')})
    wire.publish_now("hubbub.live.live.1", data);
  REQUIRE(eventually([&] { return one.bus->figures().foreign == 4 && two.bus->figures().foreign == 4; }));
  here.interest().broadcast(numbered(here, 1));
  there.seen().until_events(1);
  CHECK(there.seen().events().size() == 1);
  CHECK(one.log.says("not what nodes say"));
}

} // namespace
} // namespace hubbub::test
