#include "broker/audience.hpp"
#include "tests/broker/room_world.hpp"
#include "tests/support/catch.hpp"

/// What a room loads is there for readers of each format that waits for it.
namespace hubbub::tests {
namespace {

using broker::wire_format;

TEST_CASE("who comes back to a room that is new on the node is served by the tape of its format", "[room]") {
  const auto format = GENERATE(wire_format::websocket, wire_format::websocket_deflate);
  broker::policy rules;
  rules.presence = broker::presence_mode::off;
  rules.deflate = true;
  room_world world{rules};
  for (auto i = 0; i < 10; ++i)
    world.keep();
  world.unhear();
  world.room.ready(world.head());
  for (std::uint64_t session = 1; session <= 5; ++session) {
    broker::join_request who;
    who.session = {session};
    who.format = format;
    who.since = broker::stream_position{world.head().epoch, session};
    world.join(std::move(who));
  }
  world.settle();
  REQUIRE(world.joined.size() == 5);
  for (std::uint64_t id = 1; id <= 5; ++id) {
    INFO(id);
    const auto& a = world.joined.at(id);
    CHECK(a.what.recovered == true);
    CHECK(a.at.place != broker::audience::off_tape);
    CHECK(a.at.offset == id);
  }
}

} // namespace
} // namespace hubbub::tests
