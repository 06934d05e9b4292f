#include "broker/audience.hpp"
#include "tests/broker/room_world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <array>
#include <random>

using namespace hubbub::broker;
using hubbub::tests::room_world;

namespace {

// Reads the room before anybody else.
constexpr std::uint64_t watcher = 1'000'000;

/// A room that is open, and whose tape begins behind its first events: joins from there ask the log.
struct joining_fixture : room_world {
  joining_fixture() : room_world{short_tape()} {
    room.ready(head());
    const auto first = join(watcher);
    REQUIRE(joined.contains(first)); // its tape is made with its first reader
    say(60);
    REQUIRE(room.readers() == 1);
  }
  /// A position that lies before the tape.
  [[nodiscard]] stream_position early() const { return {head().epoch, 2}; }
};

} // namespace

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

TEST_CASE("whatever positions readers come with, each is told the truth, and the log is asked little",
          "[room][joining][model]") {
  for (std::uint32_t seed = 1; seed <= hubbub::tests::seeds(200); ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    const auto pick = [&](std::uint64_t below) {
      return std::uniform_int_distribution<std::uint64_t>{0, below - 1}(random);
    };
    auto rules = room_world::short_tape();
    rules.history_size = 100'000;
    room_world world{rules};
    world.room.ready(world.head());
    world.join(watcher);
    for (auto n = 40 + pick(60); n > 0; --n) {
      world.keep(1 + pick(4));
      world.hear();
    }
    // Never as far as the tape, which has what it has.
    for (auto n = pick(60); n > 0 && world.events().size() > 25; --n)
      world.trim();
    std::map<std::uint64_t, std::uint64_t> since;
    std::size_t answers = 0;
    for (auto n = 1 + pick(150); n > 0; --n) {
      const auto offset = pick(world.head().offset + 1); // perhaps no event's own
      since[world.join(world.joins() + 1, stream_position{world.head().epoch, offset})] = offset;
      if (world.held() > 0 && pick(40) == 0) {
        world.answer(pick(world.held()));
        ++answers;
      }
    }
    world.settle();
    CHECK(world.twice.empty());
    for (const auto& [id, offset] : since) {
      CAPTURE(offset, world.trimmed());
      const auto& there = world.joined.at(id);
      const auto whole = offset >= world.trimmed();
      CHECK(there.what.recovered == whole);
      CHECK(there.hole.has_value() == !whole);
      if (whole)
        CHECK(there.what.position.offset == offset);
      if (!there.hole)
        continue;
      CHECK(there.hole->from == offset);
      CHECK(there.hole->to == world.events().front()->offset);
      CHECK(there.what.position.offset == world.events().front()->offset - 1);
    }
    // Two for all; each answer in between lets one more begin; and a boundary in the log is found by halves.
    CHECK(world.reads <= (2 + answers) * 9);
    if (world.trimmed() == 0)
      CHECK(world.reads <= 2 + answers);
  }
}

// -- any order ----------------------------------------------------------------------

namespace {

/// Sessions that come, go and come again while a log answers late, out of order, or not at all.
class schedule {
public:
  explicit schedule(std::uint32_t seed) : random_{seed}, trims_{seed % 2 == 0}, world_{rules()} {
    if (pick(2))
      for (auto n = pick(40); n > 0; --n)
        world_.keep(1 + pick(3));
    world_.unhear(); // it begins behind them
    world_.room.ready(world_.head());
  }

  void run() {
    for (auto i = 0; i < 200; ++i) {
      step();
      look();
    }
    world_.settle();
    look();
    std::size_t in = 0;
    for (auto& s : sessions_) {
      CHECK(s.asked == 0);
      in += s.in;
    }
    CHECK(world_.room.readers() == in);
    CHECK(world_.twice.empty());
    for (std::uint64_t id = 1; id <= world_.joins(); ++id)
      CHECK(world_.is_answered(id));
    for (std::size_t i = 0; i < sessions_.size(); ++i)
      world_.room.leave(name_of(i));
    CHECK(world_.room.readers() == 0);
    CHECK(world_.room.may_end(milliseconds{0}));
  }

private:
  struct session {
    /// The join that it waits for; 0: none.
    std::uint64_t asked = 0;
    join_request what;
    bool in = false;
  };

  std::uint32_t pick(std::uint32_t below) {
    return std::uniform_int_distribution<std::uint32_t>{0, below - 1}(random_);
  }
  static policy rules() {
    auto p = room_world::short_tape();
    p.history_size = 100'000;
    return p;
  }
  static session_id name_of(std::size_t i) { return {i + 1}; }

  void step() {
    switch (pick(12)) {
    case 0:
    case 1:
    case 2:
      return come(pick(static_cast<std::uint32_t>(sessions_.size())));
    case 3:
    case 4:
      return go(pick(static_cast<std::uint32_t>(sessions_.size())));
    case 5:
    case 6:
      if (world_.held() > 0)
        world_.answer(pick(static_cast<std::uint32_t>(world_.held())));
      return;
    case 7:
      if (world_.held() > 0)
        world_.look_up(pick(static_cast<std::uint32_t>(world_.held())));
      return;
    case 8:
      for (auto n = pick(8); n > 0; --n)
        world_.keep(1 + pick(3));
      return;
    case 9:
      for (auto n = pick(8); n > 0; --n)
        world_.hear();
      return;
    case 10:
      std::ignore = world_.tick();
      std::ignore = world_.mind_log();
      world_.time.advance(milliseconds{pick(400)});
      return;
    default:
      return misfortune();
    }
  }

  void misfortune() {
    switch (pick(8)) {
    case 0:
      world_.begin_anew();
      for (std::size_t i = 0; i < sessions_.size(); ++i)
        if (sessions_[i].in) // sent away
          go(i);
      return;
    case 1:
      if (world_.held() > 0)
        world_.fail(pick(static_cast<std::uint32_t>(world_.held())));
      return;
    default:
      if (trims_)
        for (auto n = pick(6); n > 0; --n)
          world_.trim();
    }
  }

  void come(std::size_t i) {
    auto& s = sessions_[i];
    if (s.in || s.asked != 0)
      return;
    s.what = {};
    s.what.session = name_of(i);
    s.what.whole_history = pick(2) == 0;
    switch (pick(5)) {
    case 0:
      break;
    case 1:
      s.what.history = 1 + pick(60);
      break;
    case 2:
      s.what.since = stream_position{"epoch-0", pick(5)};
      break;
    default: // what the log has given, whether the room has heard of it or not
      s.what.since = stream_position{world_.head().epoch, 0};
      if (!world_.events().empty() && pick(6) != 0)
        s.what.since->offset =
            world_.events()[pick(static_cast<std::uint32_t>(world_.events().size()))]->offset;
    }
    s.asked = world_.joins() + 1;
    of_join_[s.asked] = i;
    world_.join(s.what);
  }

  void go(std::size_t i) {
    world_.room.leave(name_of(i));
    sessions_[i].in = false;
    sessions_[i].asked = 0;
  }

  /// At what was answered since the last step.
  void look() {
    for (auto it = of_join_.begin(); it != of_join_.end();) {
      const auto [id, i] = *it;
      auto& s = sessions_[i];
      const auto waits = s.asked == id;
      if (const auto no = world_.refused.find(id); no != world_.refused.end()) {
        if (waits) {
          CHECK(no->second.code == errc::unavailable);
          s.asked = 0;
        }
      } else if (const auto yes = world_.joined.find(id); yes != world_.joined.end()) {
        REQUIRE(waits); // nobody would read
        check(s.what, yes->second);
        s.asked = 0;
        s.in = true;
      } else {
        ++it;
        continue;
      }
      it = of_join_.erase(it);
    }
  }

  void check(const join_request& what, const join_answer& there) {
    const auto& at = there.what.position;
    CHECK(at.epoch == world_.head().epoch);
    if (!what.since) {
      CHECK_FALSE(there.what.recovered);
      if (!what.history)
        return;
      const auto& all = world_.events();
      const auto follow = std::ranges::count_if(all, [&](const auto& e) { return e->offset > at.offset; });
      if (!trims_)
        CHECK(static_cast<std::size_t>(follow) >= std::min<std::size_t>(*what.history, all.size()));
      return;
    }
    REQUIRE(there.what.recovered);
    const auto same_life = what.since->epoch == world_.head().epoch;
    if (*there.what.recovered) {
      CHECK(same_life);
      CHECK(at.offset == what.since->offset);
      CHECK_FALSE(there.hole);
      return;
    }
    REQUIRE(there.hole);
    CHECK(there.hole->from == what.since->offset);
    if (same_life) {
      // Nothing is thought to be missing as long as what it had is there, or was given up last of all.
      CHECK(world_.trimmed() >= std::max<std::uint64_t>(what.since->offset, 1));
      CHECK((!there.hole->to || *there.hole->to > what.since->offset));
    } else if (there.hole->to && !trims_) {
      CHECK(*there.hole->to == world_.events().front()->offset);
      CHECK(at.offset == *there.hole->to - 1);
    }
  }

  std::mt19937 random_;
  bool trims_;
  room_world world_;
  std::array<session, 5> sessions_;
  /// Joins that are not answered yet, and whose they are.
  std::map<std::uint64_t, std::size_t> of_join_;
};

} // namespace

TEST_CASE("whoever joins, leaves and joins again while the log is slow is where it belongs, and nowhere else",
          "[room][joining][model]") {
  for (std::uint32_t seed = 1; seed <= hubbub::tests::seeds(400); ++seed) {
    CAPTURE(seed);
    schedule{seed}.run();
  }
}
