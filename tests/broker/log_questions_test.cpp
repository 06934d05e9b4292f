#include "broker/log_questions.hpp"

#include "tests/broker/room_world.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/catch.hpp"

#include <chrono>

using namespace hubbub;
using namespace hubbub::broker;
using namespace std::chrono_literals;
using tests::room_world;

namespace {

/// Somebody comes back with a position of another life of the log.
join_request from_another_life() {
  join_request who;
  who.session = {7};
  who.since = stream_position{"another", 3};
  return who;
}

/// A room that has events, and whose log has told `from_another_life` what it has.
struct answered_room : room_world {
  explicit answered_room(const policy& rules = short_tape()) : room_world{rules} {
    room.ready(head());
    for (auto i = 0; i < 100; ++i)
      keep();
    unhear();
    room.ready(head());
    static_cast<void>(join(from_another_life()));
    while (held() != 0)
      answer();
  }
};

} // namespace

TEST_CASE("what the log said serves others for a moment, and is given back then", "[room][joining]") {
  log_questions asking;
  manual_clock time;
  const stream_position head{"epoch", 9};
  const read_request what{*room_name::parse("chat.news"), 0, 0, 10};
  const auto id = asking.add(from_another_life(), what, head);
  REQUIRE(id != 0);
  const auto asked = asking.take(id);
  read_result said;
  said.head = head;
  CHECK(asking.keep(asked, said, head, time.now()));
  CHECK_FALSE(asking.blank());
  time.advance(log_questions::answer_holds - 1ms);
  CHECK_FALSE(asking.forget_old(time.now()));
  CHECK(asking.said_to(from_another_life(), what, head, time.now()) != nullptr);
  time.advance(1ms);
  CHECK(asking.said_to(from_another_life(), what, head, time.now()) == nullptr);
  CHECK(asking.forget_old(time.now()));
  CHECK(asking.blank());
}

TEST_CASE("a room that knew an answer for a moment asks to be woken when it does not hold any more",
          "[room][joining]") {
  answered_room w;
  CHECK(w.joined.size() == 1);
  const auto reads = w.reads;
  CHECK(w.is_answered(w.join(8, stream_position{"another", 3})));
  CHECK(w.reads == reads);
  w.time.advance(log_questions::answer_holds);
  CHECK(w.mind_log());
  CHECK_FALSE(w.mind_log()); // and no more
}

TEST_CASE("an answer that is kept moves nothing of what is shown of a room's people", "[room][joining]") {
  auto rules = room_world::short_tape();
  rules.presence = policy{}.presence;
  rules.linger = 2min;
  answered_room w{rules};
  join_request who;
  who.session = {1};
  who.user = "ann";
  who.presence = true;
  std::ignore = w.join(who);
  w.settle();
  w.room.leave({1}); // and lingers, for which the room ticks
  REQUIRE(w.tick());
  const auto ticks = w.ticks;
  for (std::uint64_t i = 2; i < 6; ++i) {
    std::ignore = w.join(i, stream_position{"another", i});
    while (w.held() != 0)
      w.answer();
    w.time.advance(log_questions::answer_holds);
    REQUIRE(w.mind_log());
    w.room.leave({i});
  }
  CHECK(w.ticks == ticks);
}

#if HUBBUB_HAS_ALLOCATIONS
TEST_CASE("a room whose log was asked once takes no memory for that when it is over", "[memory]") {
  answered_room w;
  w.time.advance(log_questions::answer_holds);
  const auto before = hubbub::tests::held_pieces();
  REQUIRE(w.mind_log());
  // Where those wait who ask, the answer, its table of events, and the place of the one that it told of.
  CHECK(before - hubbub::tests::held_pieces() == 4);
}
#endif
