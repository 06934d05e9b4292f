#include "tests/actors/actor_fixture.hpp"
#include "tests/actors/roster_hub.hpp"

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// Two nodes, which hear of each other's people and of nothing else.
struct two_nodes {
  roster_hub hub;
  roster_hub::end& first = hub.join();
  roster_hub::end& second = hub.join();
  actor_fixture one{2, &first};
  actor_fixture two{2, &second};

  void settle() {
    for (auto i = 0; i < 4; ++i) {
      one.settle();
      two.settle();
    }
  }
  /// The answer to a command for which the other node is asked.
  json ask(client& c, json command) {
    command["id"] = 1;
    c.send(command);
    settle();
    for (auto& m : c.read())
      if (m["id"] == 1)
        return m;
    return {};
  }
  /// Half a second: what has changed is told, and what was told is shown.
  void wait() {
    for (auto i = 0; i < 5; ++i) {
      one.advance(std::chrono::milliseconds{100});
      two.advance(std::chrono::milliseconds{100});
    }
    settle();
  }
};

json enter(const std::string& room) { return {{"op", "join"}, {"room", room}, {"presence", true}}; }

} // namespace

TEST_CASE_METHOD(two_nodes, "who joins on one node is seen on the other", "[actors]") {
  auto& ann = one.connect();
  auto& bob = two.connect();
  ann.ask(enter("chat.one"));
  wait();
  CHECK(ask(bob, enter("chat.one"))["count"] == 2);
  wait();
  json change;
  for (const auto& m : ann.read())
    if (m["op"] == "presence")
      change = m;
  REQUIRE_FALSE(change.is_null());
  CHECK(change["count"] == 2);
  CHECK(change["join"].size() == 1);
  bob.gone();
  for (auto i = 0; i < 20; ++i) // it may come back for a while
    wait();
  CHECK(ann.ask({{"op", "presence"}, {"room", "chat.one"}})["count"] == 1);
}

TEST_CASE_METHOD(two_nodes, "whoever asks for presence is answered when the other nodes have been heard",
                 "[actors]") {
  auto& ann = one.connect();
  ann.ask(enter("chat.one"));
  wait();
  second.answers_late = true;
  auto& bob = two.connect();
  bob.send({{"op", "presence"}, {"id", 1}, {"room", "chat.one"}});
  auto asked = enter("chat.one");
  asked["id"] = 2;
  bob.send(asked);
  two.settle();
  CHECK(bob.read().empty());
  settle();
  second.answer_late();
  settle();
  const auto all = bob.read();
  REQUIRE(all.size() == 2);
  for (const auto& m : all) {
    CHECK(m["op"] == "ok");
    CHECK(m["count"] >= 1);
  }
}

TEST_CASE_METHOD(two_nodes, "the people of a node that was killed are gone at once", "[actors]") {
  auto& ann = one.connect();
  auto& bob = two.connect();
  ann.ask(enter("chat.one"));
  bob.ask(enter("chat.one"));
  wait();
  CHECK(ann.ask({{"op", "presence"}, {"room", "chat.one"}})["count"] == 2);
  second.die();
  settle();
  CHECK(ann.ask({{"op", "presence"}, {"room", "chat.one"}})["count"] == 1);
}

TEST_CASE_METHOD(two_nodes, "a room that crashed hears its people on the other node again", "[actors]") {
  auto& ann = one.connect();
  auto& bob = two.connect();
  ann.ask(enter("chat.one"));
  bob.ask(enter("chat.one"));
  wait();
  ann.ask(crash("chat.one"));
  wait();
  CHECK(ann.ask({{"op", "presence"}, {"room", "chat.one"}})["count"] == 2);
  CHECK(bob.ask({{"op", "presence"}, {"room", "chat.one"}})["count"] == 2);
}

TEST_CASE_METHOD(two_nodes, "a room with people on other nodes only may end", "[actors]") {
  auto& ann = one.connect();
  ann.ask(enter("chat.one"));
  wait();
  auto& bob = two.connect();
  CHECK(ask(bob, {{"op", "presence"}, {"room", "chat.one"}})["count"] == 1);
  CHECK(two.node->rooms().find(two.room("chat.one")));
  for (auto i = 0; i < 90 && two.node->rooms().find(two.room("chat.one")); ++i)
    two.advance(std::chrono::seconds{1});
  CHECK_FALSE(two.node->rooms().find(two.room("chat.one")));
}

TEST_CASE_METHOD(two_nodes, "nodes that started at the same moment name live events differently",
                 "[actors]") {
  const json live{{"op", "publish"}, {"room", "live.one"}, {"type", "m"}, {"data", 1}};
  const auto here = one.connect().ask(live), there = two.connect().ask(live);
  REQUIRE(here["op"] == "ok");
  CHECK(here["event_id"] != there["event_id"]);
}

TEST_CASE_METHOD(two_nodes, "nobody sees that a member's node ends, also where nobody lingers", "[actors]") {
  const auto come = [](actor_fixture& to) -> client& {
    auto& c = to.connect();
    c.ask({{"op", "resume"}, {"ticket", to.tickets.seal({.user = "ann"}, {0xa})}, {"rooms", json::object()}});
    return c;
  };
  auto& bob = two.connect();
  ask(bob, enter("brief.one"));
  auto& ann = come(one);
  ask(ann, enter("brief.one"));
  wait();
  REQUIRE(ask(bob, {{"op", "presence"}, {"room", "brief.one"}})["count"] == 2);
  bob.read();

  one.node->context().least_linger_ms = 5000;
  ann.gone();
  for (auto i = 0; i < 4; ++i) // two seconds: it was put off
    wait();
  auto& again = come(two);
  ask(again, {{"op", "join"}, {"room", "brief.one"}});
  for (auto i = 0; i < 14; ++i) // until it is no longer expected where it was
    wait();
  for (const auto& m : bob.read())
    if (m["op"] == "presence") {
      CHECK(m["count"] == 2);
      CHECK(m.value("join", json::array()).empty());
      CHECK(m.value("leave", json::array()).empty());
    }
  CHECK(ask(bob, {{"op", "presence"}, {"room", "brief.one"}})["count"] == 2);
  again.gone();
  wait();
  CHECK(ask(bob, {{"op", "presence"}, {"room", "brief.one"}})["count"] == 1);
}
