// What a room shows of its people to readers, and on which feed.
#include "broker/presence_view.hpp"
#include "tests/broker/room_world.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;
using hubbub::tests::room_world;

TEST_CASE("who comes back within its linger to a room that has given up its tape is shown the roster",
          "[room]") {
  policy rules;
  rules.linger = std::chrono::minutes{2};
  room_world world{rules};
  world.room.ready(world.head());
  join_request who;
  who.session = {1};
  who.user = "ann";
  who.presence = true;
  const auto first = world.join(who);
  while (world.held() != 0)
    world.answer();
  world.tick();
  REQUIRE(world.joined.contains(first));
  REQUIRE(world.shows_people);
  CHECK(world.shows_people->presence()->count() == 1);

  world.room.leave({1});
  world.time.advance(std::chrono::seconds{31});
  world.say(); // nobody reads: its tape, and what was shown with it, go
  world.shows_people = nullptr;
  who.roster_later = true;
  const auto again = world.join(who);
  while (world.held() != 0)
    world.answer();
  world.tick();
  REQUIRE(world.joined.contains(again));
  REQUIRE(world.shows_people);
  CHECK(world.shows_people == world.joined.at(again).from);
  REQUIRE(world.shows_people->presence());
  CHECK(world.shows_people->presence()->count() == 1);
}
