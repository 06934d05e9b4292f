#include "tests/actors/resume_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;

TEST_CASE_METHOD(resume_fixture, "of two that show the same ticket the later one goes on",
                 "[actors][resume]") {
  const auto ticket = ticket_of("ann", {0xa});
  auto& publisher = connect();
  const auto position = at(publish(publisher, "chat.one", 1));
  std::vector<client*> all;
  for (auto i = 0; i < 5; ++i) {
    all.push_back(&connect());
    all.back()->send(resume(ticket, {{"chat.one", position}}));
  }
  settle();
  for (auto i = 0u; i < 4; ++i) {
    REQUIRE(all[i]->wire.closed);
    CHECK(all[i]->wire.closed->code == broker::close_code::resumed_elsewhere);
  }
  CHECK_FALSE(all[4]->wire.closed);
  publish(publisher, "chat.one", 2);
  const auto told = all[4]->read();
  REQUIRE(ops(told) == names{"welcome", "ok", "event"});
  CHECK(told[1]["rooms"]["chat.one"]["recovered"] == true);

  // Again on the same connection: it is in the room already.
  const auto again = say(*all[4], resume(ticket, {{"chat.one", position}}));
  REQUIRE(ops(again) == names{"ok"});
  CHECK(again[0]["rooms"]["chat.one"] == json{{"error", "already_joined"}});
  CHECK(node->rooms().find(room("chat.one"))->readers() == 1);
}

TEST_CASE("who takes a session over waits for all who had it before", "[actors][resume]") {
  struct four_loops : resume_fixture {
    four_loops() : resume_fixture{4} {}
  } world;
  const auto between_goes_first = GENERATE(true, false);
  const auto ticket = world.ticket_of("ann", {0xa});
  auto& publisher = world.connect_to(3);
  const auto position = at(world.publish(publisher, "chat.one", 1));
  client before{world, 0, {.subprotocols = {"ticket." + ticket}}};
  world.settle();
  REQUIRE(before.ask(join("chat.one"))["op"] == "ok");

  // The first one's loop is in a long turn: it hears of nothing.
  client between{world, 1, {.subprotocols = {"ticket." + ticket}}};
  between.send(resume(ticket, {{"chat.one", position}}));
  world.turn_of(1);
  if (between_goes_first)
    between.gone();
  client after{world, 2, {.subprotocols = {"ticket." + ticket}}};
  after.send(resume(ticket, {{"chat.one", position}}));
  for (auto i = 0; i < 10; ++i)
    for (auto loop : {1, 2, 3})
      world.turn_of(static_cast<std::size_t>(loop));
  CHECK(ops(after.read()) == names{"welcome"});
  between.gone();

  world.settle();
  const auto told = after.read();
  REQUIRE(ops(told) == names{"ok"});
  CHECK(told[0]["rooms"]["chat.one"]["recovered"] == true);
  CHECK(world.node->rooms().find(world.room("chat.one"))->readers() == 1);
  world.publish(publisher, "chat.one", "hello");
  CHECK(after.events() == names{"hello"});
  CHECK(before.wire.closed);
  before.gone();
  // Nothing of it is kept.
  after.gone();
  world.settle();
  CHECK(world.node->context().sessions.take({0xa}, nullptr) == nullptr);
}

TEST_CASE("a session whose connections have all gone is forgotten", "[actors][resume]") {
  struct two_loops : resume_fixture {
    two_loops() : resume_fixture{2} {}
  } world;
  const auto ticket = world.ticket_of("ann", {0xa});
  client before{world, 0, {.subprotocols = {"ticket." + ticket}}};
  world.settle();
  client after{world, 1, {.subprotocols = {"ticket." + ticket}}};
  after.gone();
  world.settle();
  CHECK(before.wire.closed);
  CHECK(world.node->context().sessions.take({0xa}, nullptr) == nullptr);
}
