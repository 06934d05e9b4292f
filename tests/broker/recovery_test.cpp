#include "broker/recovery.hpp"

#include "tests/support/catch.hpp"

#include <memory>
#include <optional>
#include <vector>

using namespace hubbub::broker;

namespace {

constexpr std::int64_t second = 1000;
constexpr std::int64_t now = 1'000 * second;

/// A room whose log has the offsets 10, 20 … 100, one a second, the last of them now.
struct recovery_fixture {
  room_name room = *room_name::parse("chat.news");
  policy rules;
  stream_position head{"e", 100};
  tape_budget budget;

  /// A tape that begins behind `after`.
  std::unique_ptr<tape> tape_after(std::uint64_t after) {
    auto t = std::make_unique<tape>(tape::options{1 << 20}, budget, after);
    for (auto o = after + 10; o <= 100; o += 10) {
      frame_info i;
      i.offset = o;
      i.time_ms = now - static_cast<std::int64_t>(100 - o) / 10 * second;
      t->append("frame", i);
    }
    return t;
  }
  std::optional<starting_point> on_tape(const std::unique_ptr<tape>& t, const stream_position& since,
                                        bool whole = true) {
    return recovery{room, rules, since, head, whole, now}.on_tape(t->look());
  }
  starting_point in_log(const stream_position& since, const read_result& said) {
    return recovery{room, rules, since, head, true, now}.in_log(said);
  }
};

read_result answer(std::vector<std::uint64_t> offsets, bool complete) {
  read_result r;
  for (auto o : offsets) {
    auto e = std::make_shared<stored_event>();
    e->offset = o;
    r.events.push_back(std::move(e));
  }
  r.complete = complete;
  return r;
}

} // namespace

TEST_CASE_METHOD(recovery_fixture, "whoever had the newest event has missed nothing", "[recovery]") {
  const auto there = on_tape(tape_after(50), {"e", 100});
  REQUIRE(there);
  CHECK(there->offset == 100);
  CHECK(there->recovered == true);
  CHECK_FALSE(there->hole);
}

TEST_CASE_METHOD(recovery_fixture, "the tape alone recovers what it still has", "[recovery]") {
  const auto tape = tape_after(50);
  for (std::uint64_t had : {50, 60, 75, 90}) {
    const auto there = on_tape(tape, {"e", had});
    REQUIRE(there);
    CHECK(there->recovered == true);
    CHECK_FALSE(there->hole);
  }
}

TEST_CASE_METHOD(recovery_fixture,
                 "the log is asked for what lies before the tape, of another epoch or ahead of it",
                 "[recovery]") {
  const auto tape = tape_after(50);
  CHECK_FALSE(on_tape(tape, {"e", 40}));
  CHECK_FALSE(on_tape(tape, {"another", 70}));
  CHECK_FALSE(on_tape(tape, {"e", 101}));
  CHECK(recovery{room, rules, {"e", 40}, head, true, now}.question().after == 40);
  CHECK(recovery{room, rules, {"another", 70}, head, true, now}.question().after == 0);
}

TEST_CASE_METHOD(recovery_fixture, "what the log has given up is a gap, though the tape has it still",
                 "[recovery]") {
  rules.history_size = 3;
  const auto there = on_tape(tape_after(50), {"e", 50});
  REQUIRE(there);
  CHECK(there->recovered == false);
  REQUIRE(there->hole);
  CHECK(there->hole->from == 50);
  CHECK(there->hole->to == 80);

  rules.history_size = 1000;
  rules.history_age = std::chrono::milliseconds{2500};
  const auto aged = on_tape(tape_after(50), {"e", 50});
  REQUIRE(aged);
  REQUIRE(aged->hole);
  CHECK(aged->hole->to == 80);
}

TEST_CASE_METHOD(recovery_fixture, "without the history grant one looks back as far as recover_age",
                 "[recovery]") {
  rules.recover_age = std::chrono::milliseconds{1500};
  CHECK(on_tape(tape_after(50), {"e", 50}, true)->recovered == true);
  const auto there = on_tape(tape_after(50), {"e", 50}, false);
  REQUIRE(there);
  CHECK(there->recovered == false);
  CHECK(there->hole->to == 90);
  CHECK(recovery{room, rules, {"e", 40}, head, false, now}.question().not_before_ms == now - 1500);
}

TEST_CASE_METHOD(recovery_fixture, "the log's answer decides where the tape cannot", "[recovery]") {
  const auto whole = in_log({"e", 40}, answer({50}, true));
  CHECK(whole.recovered == true);
  CHECK(whole.offset == 40);

  const auto trimmed = in_log({"e", 10}, answer({30}, false));
  CHECK(trimmed.recovered == false);
  CHECK(trimmed.offset == 29);
  CHECK(trimmed.hole->from == 10);
  CHECK(trimmed.hole->to == 30);

  // Complete says nothing to whoever comes from another life of the log.
  const auto foreign = in_log({"another", 70}, answer({10}, true));
  CHECK(foreign.recovered == false);
  CHECK(foreign.hole->from == 70);
  CHECK(foreign.hole->to == 10);

  // Nothing was there when the log was asked: what came since then follows.
  auto nothing = answer({}, false);
  nothing.head.offset = 90;
  const auto empty = in_log({"e", 10}, nothing);
  CHECK(empty.recovered == false);
  CHECK(empty.offset == 90);
  CHECK_FALSE(empty.hole->to);
}
