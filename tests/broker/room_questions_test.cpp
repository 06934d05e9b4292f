#include "tests/broker/joining_world.hpp"

using namespace hubbub::broker;
using namespace hubbub::tests;

TEST_CASE_METHOD(joining_fixture, "the log is asked once for all who come with the same question",
                 "[room][joining]") {
  for (std::uint64_t session = 1; session <= 200; ++session)
    join(session, early());
  CHECK(reads == 1);
  room.leave({7});
  settle();
  CHECK(reads == 1);
  CHECK(room.readers() == 200);
  CHECK(refused.size() == 1);
  for (const auto& [id, a] : joined)
    if (a.what.recovered)
      CHECK(a.what.position.offset == 2);
  // Others ask something else: when nobody is asked any more, or with another right.
  join(301, stream_position{head().epoch, 3});
  join_request whole;
  whole.session = {302};
  whole.since = early();
  whole.whole_history = true;
  join(whole);
  join(303, early()); // waits for the answer to the first of them
  CHECK(reads == 3);
  join(304, stream_position{head().epoch, 3});
  CHECK(reads == 3);
  settle();
  CHECK(reads == 4);
  CHECK(room.readers() == 204);
}

TEST_CASE_METHOD(joining_fixture,
                 "the log is asked twice for all who come, whatever positions they come with",
                 "[room][joining]") {
  // The first one asks at once, and the lowest of those behind it asks for all others.
  for (std::uint64_t session = 1; session <= 200; ++session)
    join(session, stream_position{head().epoch, 1 + (session * 7 + 20) % 30});
  CHECK(reads == 1);
  CHECK(held() == 1);
  settle();
  CHECK(reads == 2);
  CHECK(room.readers() == 201);
  for (std::uint64_t id = 2; id <= joins(); ++id) { // the watcher was the first
    CHECK(joined.at(id).what.recovered == true);
    CHECK(joined.at(id).what.position.offset == 1 + ((id - 1) * 7 + 20) % 30);
  }
}

TEST_CASE_METHOD(joining_fixture, "who comes from before the log is told of it by one more question",
                 "[room][joining]") {
  while (trimmed() < 20)
    trim();
  for (std::uint64_t session = 1; session <= 40; ++session)
    join(session, stream_position{head().epoch, session - 1});
  CHECK(reads == 1);
  settle();
  // The lowest; the highest of those before the log's first event; and, as that one has missed nothing,
  // halves.
  CHECK(reads <= 2 + 5);
  for (std::uint64_t id = 2; id <= joins(); ++id) {
    const auto since = id - 2;
    const auto& a = joined.at(id);
    CHECK(a.what.recovered == (since >= 20));
    if (since < 20) {
      REQUIRE(a.hole);
      CHECK(a.hole->from == since);
      CHECK(a.hole->to == 21);
    }
  }
}

TEST_CASE_METHOD(joining_fixture, "who leaves while others' question is answered is not asked for",
                 "[room][joining]") {
  join(1, stream_position{head().epoch, 5});
  const auto lower = join(2, stream_position{head().epoch, 3});
  CHECK(held() == 1);
  room.leave({2});
  CHECK(refused.at(lower).code == errc::not_joined);
  settle();
  CHECK(reads == 1);
  CHECK(room.readers() == 2);
  CHECK(twice.empty());
}

TEST_CASE_METHOD(joining_fixture, "when a question fails those who waited for it ask their own",
                 "[room][joining]") {
  const auto higher = join(1, stream_position{head().epoch, 5});
  const auto lower = join(2, stream_position{head().epoch, 3});
  fail(0);
  CHECK(refused.at(higher).code == errc::unavailable);
  REQUIRE(held() == 1);
  settle();
  CHECK(joined.at(lower).what.recovered == true);
}

TEST_CASE_METHOD(joining_fixture, "who comes back for what was said since the log was asked asks again",
                 "[room][joining]") {
  join(1, early());
  look_up(0);
  say(60);
  const auto later = join(2, stream_position{head().epoch, 65}); // the tape has left it behind as well
  CHECK(held() == 1);
  answer();
  CHECK_FALSE(joined.contains(later));
  settle();
  CHECK(reads == 2);
  REQUIRE(joined.contains(later));
  CHECK(joined.at(later).what.recovered == true);
}

TEST_CASE_METHOD(joining_fixture, "after the log began anew it is asked once for all who come back to a room",
                 "[room][joining]") {
  const auto old = head().epoch;
  room.leave({watcher});
  begin_anew();
  const auto keeper = join(watcher);
  say(60); // the tape has lost the first of them
  settle();
  REQUIRE(joined.contains(keeper));
  reads = 0;
  for (std::uint64_t session = 1; session <= 100; ++session)
    join(session, stream_position{old, session}); // each had had something else
  CHECK(reads == 1);
  settle();
  // Most come when the answer is there.
  for (std::uint64_t session = 101; session <= 200; ++session)
    join(session, stream_position{old, session});
  CHECK(held() == 0);
  CHECK(reads == 1);
  CHECK(room.readers() == 201);
  for (const auto& [id, a] : joined)
    if (a.what.recovered) {
      CHECK(a.what.recovered == false);
      CHECK(a.what.position == stream_position{head().epoch, 0});
      REQUIRE(a.hole);
      CHECK(a.hole->to == 1);
    }
  // What the log said is no longer so when there is more in it, or after a while.
  say();
  join(201, stream_position{old, 1});
  CHECK(reads == 2);
  settle();
  time.advance(milliseconds{1500});
  join(202, stream_position{old, 1});
  CHECK(reads == 3);
  // Who comes from yet another life may know of one that this log has not seen when it was asked.
  join(203, stream_position{"epoch-x", 1});
  CHECK(reads == 4);
  settle();
  CHECK(room.readers() == 204);
}

TEST_CASE_METHOD(joining_fixture,
                 "who had more than the room has it all, when the room hears of it meanwhile",
                 "[room][joining]") {
  keep();
  const auto ahead = join(1, head()); // another node has heard of it already
  REQUIRE(held() == 1);
  trim(); // what was never asked for
  hear();
  settle();
  REQUIRE(joined.contains(ahead));
  CHECK(joined.at(ahead).what.recovered == true);
  CHECK(joined.at(ahead).what.position == head());
  CHECK_FALSE(joined.at(ahead).hole);
}

TEST_CASE_METHOD(joining_fixture, "who had more than the room shares no question of who had less",
                 "[room][joining]") {
  keep();
  const auto one = join(1, head());
  look_up(0); // has not seen what comes now
  keep();
  unhear(); // the room has to read it
  const auto two = join(2, head());
  CHECK(held() == 2);
  settle();
  CHECK(joined.at(one).what.recovered == true);
  CHECK(joined.at(two).what.recovered == true);
  CHECK(joined.at(two).what.position == head());
}

TEST_CASE_METHOD(joining_fixture, "a room that cannot read sends away who had more than it, to come again",
                 "[room][joining]") {
  keep();
  unhear();
  const auto one = join(1, head());
  answer(); // there is more: the room reads it
  REQUIRE(held() == 1);
  fail(0);
  REQUIRE(held() == 1); // the join is looked at again
  answer();
  REQUIRE(refused.contains(one));
  CHECK(refused.at(one).code == errc::unavailable);
  CHECK(refused.at(one).retry_after_ms != 0);
  settle();
  const auto again = join(1, head());
  CHECK(joined.at(again).what.recovered == true);
}
