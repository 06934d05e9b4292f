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
  answered_room() : room_world{short_tape()} {
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
  asking.forget_old(time.now());
  CHECK(asking.said_to(from_another_life(), what, head, time.now()) != nullptr);
  time.advance(1ms);
  CHECK(asking.said_to(from_another_life(), what, head, time.now()) == nullptr);
  asking.forget_old(time.now());
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
  CHECK(w.tick());
  CHECK_FALSE(w.tick()); // and no more
}

#if HUBBUB_HAS_ALLOCATIONS
TEST_CASE("a room whose log was asked once takes no memory for that when it is over", "[memory]") {
  answered_room w;
  w.time.advance(log_questions::answer_holds);
  const auto before = hubbub::tests::held_pieces();
  REQUIRE(w.tick());
  // Where those wait who ask, the answer, its table of events, and the place of the one that it told of.
  CHECK(before - hubbub::tests::held_pieces() == 4);
}
#endif
