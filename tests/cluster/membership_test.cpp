#include "cluster/membership.hpp"
#include "cluster/own_beats.hpp"
#include "tests/support/catch.hpp"

namespace hubbub::test {
namespace {

using namespace cluster;
using namespace std::chrono_literals;
using changes = std::vector<std::pair<broker::owner_id, bool>>;

constexpr broker::owner_id self = 1;

struct observed {
  broker::manual_clock time;
  membership others{self, 4s, 3};
  membership::changes seen;

  bool beat(const std::string& node, broker::owner_id owner, std::int64_t started) {
    beat_message m;
    m.node = node;
    m.owner = owner;
    m.started_ms = started;
    return others.hear(m, time.now(), seen);
  }
  changes take() {
    others.expire(time.now(), seen);
    return take_seen();
  }
  changes take_seen() {
    changes all;
    for (const auto& c : std::exchange(seen, {}))
      all.emplace_back(c.owner, c.came);
    return all;
  }
};

TEST_CASE_METHOD(observed, "a node is alive for a lease after it was heard", "[cluster]") {
  CHECK(beat("two", 2, 10));
  CHECK(take() == changes{{2, true}});
  time.advance(3'999ms);
  CHECK(beat("two", 2, 10));
  time.advance(3'999ms);
  CHECK(take().empty());
  time.advance(1ms);
  CHECK(take() == changes{{2, false}});
  CHECK(others.size() == 0);
}

TEST_CASE_METHOD(observed, "a node that was cut off comes back", "[cluster]") {
  CHECK(beat("two", 2, 10));
  time.advance(4s);
  CHECK(beat("two", 2, 10));
  CHECK(take() == changes{{2, true}}); // it was never found missing
  time.advance(4s);
  CHECK(take() == changes{{2, false}});
  CHECK(beat("two", 2, 10));
  CHECK(take() == changes{{2, true}});
}

TEST_CASE_METHOD(observed, "another life of a node ends the former at once", "[cluster]") {
  CHECK(beat("two", 2, 10));
  CHECK(beat("two", 3, 20));
  CHECK(take() == changes{{2, true}, {2, false}, {3, true}});
  // What the former had said may still come.
  CHECK_FALSE(beat("two", 2, 10));
  CHECK_FALSE(others.hear(2, time.now(), seen));
  CHECK(take().empty());
  CHECK(others.is_alive(3));
}

TEST_CASE_METHOD(observed, "a former life that is heard late does not end the present one", "[cluster]") {
  CHECK(beat("two", 3, 20));
  CHECK_FALSE(beat("two", 2, 10));
  CHECK(take() == changes{{3, true}});
}

TEST_CASE_METHOD(observed, "a farewell ends a node at once and for good", "[cluster]") {
  CHECK(beat("two", 2, 10));
  others.farewell(2, time.now(), seen);
  CHECK(take() == changes{{2, true}, {2, false}});
  CHECK_FALSE(beat("two", 2, 10));
  CHECK(take().empty());
}

TEST_CASE_METHOD(observed, "whoever says anything is alive, and has a name with its beat", "[cluster]") {
  CHECK(others.hear(2, time.now(), seen));
  CHECK(others.alive().at(2).name.empty());
  CHECK(beat("two", 2, 10));
  CHECK(others.alive().at(2).name == "two");
  CHECK(take() == changes{{2, true}});
  time.advance(3'999ms);
  CHECK(others.hear(2, time.now(), seen)); // no beat
  time.advance(1ms);
  CHECK(take() == changes{{2, false}});
}

TEST_CASE_METHOD(observed, "who came and went has a name", "[cluster]") {
  CHECK(beat("two", 2, 10));
  others.farewell(2, time.now(), seen);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].name == "two");
  CHECK(seen[1].name == "two");
}

TEST_CASE_METHOD(observed, "one does not hear oneself, nor more nodes than there may be", "[cluster]") {
  CHECK_FALSE(beat("one", self, 10));
  others.farewell(self, time.now(), seen);
  CHECK(take().empty());
  for (broker::owner_id owner = 2; owner < 5; ++owner)
    CHECK(beat(std::to_string(owner), owner, 10));
  CHECK_FALSE(beat("six", 6, 10));
  CHECK(others.size() == 3);
}

TEST_CASE_METHOD(observed, "who was stopped itself gives the others a moment to be heard", "[cluster]") {
  CHECK(beat("two", 2, 10));
  CHECK(take().size() == 1);
  time.advance(60s);
  others.excuse(time.now(), 2s);
  time.advance(1'999ms);
  CHECK(take().empty());
  time.advance(1ms);
  CHECK(take() == changes{{2, false}});
}

TEST_CASE_METHOD(observed, "while we are late ourselves nobody's silence counts", "[cluster]") {
  CHECK(beat("two", 2, 10));
  CHECK(take().size() == 1);
  time.advance(6s);
  others.expire(time.now(), seen, 3s); // it was heard three seconds before the first that is not read yet
  CHECK(take_seen().empty());
  others.expire(time.now(), seen, 2s);
  CHECK(take_seen() == changes{{2, false}});
}

TEST_CASE("we are as late as the oldest of our beats that has not come back", "[cluster]") {
  broker::manual_clock time;
  own_beats mine{4s};
  mine.sent(1, time.now());
  time.advance(1s);
  CHECK(mine.late(time.now(), true) == 0s); // perhaps none can come back
  mine.came_back(1);
  CHECK(mine.late(time.now(), true) == 0s);
  mine.sent(2, time.now());
  time.advance(1s);
  mine.sent(3, time.now());
  time.advance(500ms);
  CHECK(mine.late(time.now(), true) == 1500ms);
  mine.came_back(2);
  CHECK(mine.late(time.now(), true) == 500ms);
  mine.came_back(3);
  CHECK(mine.late(time.now(), true) == 0s);
}

TEST_CASE("beats that were lost make us late for a while only", "[cluster]") {
  broker::manual_clock time;
  own_beats mine{4s};
  mine.sent(1, time.now());
  mine.came_back(1);
  for (std::uint64_t n = 2; n < 20; ++n) {
    mine.sent(n, time.now());
    CHECK(mine.late(time.now(), true) == std::min<broker::milliseconds>(4s, (n - 2) * 1s));
    time.advance(1s);
  }
  SECTION("one that came later shows that those before will not") {
    mine.came_back(18);
    CHECK(mine.late(time.now(), true) == 1s);
  }
}

TEST_CASE("what was not read when the connection was lost is late until it is", "[cluster]") {
  broker::manual_clock time;
  own_beats mine{4s};
  mine.sent(1, time.now());
  mine.came_back(1);
  mine.sent(2, time.now());
  time.advance(2s);
  CHECK(mine.late(time.now(), true) == 2s);
  time.advance(1s);
  CHECK(mine.late(time.now(), false) == 2s); // nothing new comes meanwhile
  mine.sent(3, time.now());
  SECTION("also when there is another connection") {
    time.advance(500ms);
    CHECK(mine.late(time.now(), true) == 3500ms);
    mine.came_back(3); // over the new one: what was before it is read, or lost
    CHECK(mine.late(time.now(), true) == 0s);
  }
  SECTION("and less late when it is read while there is none") {
    mine.came_back(2);
    CHECK(mine.late(time.now(), false) == 0s);
    time.advance(1s);
    CHECK(mine.late(time.now(), false) == 0s);
  }
}

TEST_CASE("who had read everything when the connection was lost is not late without one", "[cluster]") {
  broker::manual_clock time;
  own_beats mine{4s};
  mine.sent(1, time.now());
  mine.came_back(1);
  CHECK(mine.late(time.now(), true) == 0s);
  mine.sent(2, time.now());
  time.advance(3s);
  CHECK(mine.late(time.now(), false) == 0s);
}

} // namespace
} // namespace hubbub::test
