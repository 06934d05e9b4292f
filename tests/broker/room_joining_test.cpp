#include "tests/broker/joining_world.hpp"

using namespace hubbub::broker;
using namespace hubbub::tests;

TEST_CASE_METHOD(joining_fixture, "who comes back while the log is still asked for it has the room, once",
                 "[room][joining]") {
  const auto before = join(1, early());
  REQUIRE(held() == 1);
  room.leave({1}); // its connection was cut, or another one goes on with its session
  const auto after = join(1, early());
  settle();
  CHECK(refused.at(before).code == errc::not_joined);
  CHECK_FALSE(joined.contains(before));
  REQUIRE(joined.contains(after));
  CHECK(joined.at(after).what.recovered == true);
  CHECK(room.readers() == 2);
  CHECK(twice.empty());
  room.leave({1});
  room.leave({watcher});
  CHECK(room.readers() == 0);
  CHECK(room.may_end(milliseconds{0}));
}

TEST_CASE_METHOD(joining_fixture, "nothing is kept of who left for good while the log was asked",
                 "[room][joining]") {
  const auto gone = join(1, early());
  room.leave({1});
  CHECK(refused.at(gone).code == errc::not_joined);
  room.leave({watcher});
  CHECK_FALSE(room.may_end(milliseconds{0})); // the answer is still to come
  settle();
  CHECK(room.readers() == 0);
  CHECK(room.may_end(milliseconds{0}));
  CHECK(twice.empty());
}

TEST_CASE_METHOD(joining_fixture,
                 "what the log gave up before the room heard of it is asked for once more, not for ever",
                 "[room][joining]") {
  keep();
  const auto second_last = head();
  keep();
  unhear();
  const auto one = join(1, second_last);
  const auto two = join(2, head());
  while (!events().empty())
    trim();
  settle();
  CHECK(held() == 0);
  REQUIRE(joined.contains(one));
  CHECK(joined.at(one).what.recovered == false);
  CHECK(joined.at(one).what.position == head());
  REQUIRE(joined.contains(two)); // had the last of them
  CHECK(joined.at(two).what.recovered == true);
}

TEST_CASE("who comes from where an empty room was opened later has missed nothing, and misses nothing",
          "[room][joining]") {
  room_world world{room_world::short_tape()};
  world.pass(100);
  world.room.ready(world.head());
  world.join(1);
  world.settle();
  world.pass(50);
  const auto there = world.head(); // as another node knows it
  world.pass(7);
  const auto back = world.join(2, there);
  world.settle();
  REQUIRE(world.joined.contains(back));
  const auto& a = world.joined.at(back);
  CHECK(a.what.recovered == true);
  CHECK_FALSE(a.hole.has_value());
  CHECK(a.what.position == there);
  CHECK(a.what.head >= there.offset);
  CHECK(a.at.place != audience::off_tape);
  world.say();
  world.settle();
  const auto next = a.from->of(wire_format::websocket).look().first_after(a.at);
  REQUIRE(next);
  CHECK(next->offset == world.head().offset);

  SECTION("but nobody has a position that the log has not reached") {
    const auto ahead = world.join(3, stream_position{there.epoch, world.head().offset + 1});
    world.settle();
    CHECK(world.joined.at(ahead).what.recovered == false);
  }
}

TEST_CASE_METHOD(joining_fixture, "only so many wait for a log that does not answer", "[room][joining]") {
  std::uint64_t session = 1;
  for (; refused.empty() && session < 10'000; ++session)
    join(session, early());
  REQUIRE(refused.size() == 1);
  CHECK(refused.begin()->second.code == errc::overloaded);
  CHECK(refused.begin()->second.retry_after_ms != 0);
  CHECK(reads == 1);
  settle();
  CHECK(room.readers() == session - 1); // with the one that was there before
}
