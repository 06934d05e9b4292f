#include "broker/tape.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace hubbub::broker;

namespace {

std::string frame_of(std::uint64_t offset, std::size_t size = 20) {
  auto text = std::to_string(offset) + ":";
  text.resize(std::max(size, text.size()), 'x');
  return text;
}

frame_info info_of(std::uint64_t offset, session_id excluded = {}) {
  frame_info i;
  i.offset = offset;
  i.time_ms = static_cast<std::int64_t>(offset) * 1000;
  i.excluded = excluded;
  return i;
}

std::string read_from(const tape_view& v, std::uint64_t place, session_id who = {}) {
  std::vector<std::string_view> pieces;
  std::vector<std::uint64_t> places;
  v.slices(place, who, pieces, places);
  std::string all;
  for (auto p : pieces)
    all += p;
  return all;
}

} // namespace

TEST_CASE("a tape that has nothing begins where its room stands", "[tape]") {
  tape_budget budget;
  tape t{{}, budget, 41};
  const auto v = t.look();
  CHECK(v.head() == cursor{0, 41});
  CHECK(v.tail() == cursor{0, 41});
  CHECK(v.find(41) == cursor{0, 41});
  CHECK_FALSE(v.find(40));
  CHECK(v.find(50) == cursor{0, 50});
  CHECK(v.first_after(v.head()) == nullptr);
  CHECK(v.last(0) == cursor{0, 41});
  CHECK_FALSE(v.last(1));
  CHECK(v.count_from(0) == 0);
  CHECK(v.boundary_at(0).at == cursor{0, 41});
  CHECK(v.not_before({0, 41}, 1) == cursor{0, 41});
  CHECK_FALSE(v.hides_any(0));
  CHECK(v.hidden(0, 1, {7}) == 0);
  CHECK(read_from(v, 0).empty());
}

TEST_CASE("a tape takes no memory before its first frame, and a look from then holds good", "[tape]") {
  tape_budget budget;
  tape t{{}, budget, 41};
  CHECK(t.bytes() == 0);
  CHECK(budget.used() == 0);
  const auto before = t.look();
  t.append(frame_of(43), info_of(43));
  CHECK(t.bytes() > 0);
  CHECK(budget.used() == t.bytes());
  CHECK(before.head() == cursor{0, 41});
  const auto v = t.look();
  CHECK(v.tail() == cursor{0, 41});
  CHECK(v.head() == cursor{20, 43});
  CHECK(v.find(42) == cursor{0, 42});
  CHECK(read_from(v, before.head().place) == frame_of(43));
}

TEST_CASE("of few sessions and of many it is known how many frames kept from them are gone", "[tape]") {
  const std::uint64_t sessions = GENERATE(1, 8, 9, 100);
  tape_budget budget;
  tape::options o{4096};
  o.count_excluded = true;
  tape t{o, budget, 0};
  for (std::uint64_t s = 1; s <= sessions; ++s) {
    t.expect({s});
    t.expect({s}); // as when its room was made anew
  }
  const std::uint64_t frames = sessions * 200;
  for (std::uint64_t f = 1; f <= frames; ++f)
    t.append(frame_of(f), info_of(f, {1 + f % (sessions + 1)})); // one of them is nobody's who reads
  const auto gone = t.look().tail().offset;
  REQUIRE(gone > frames / 2);
  for (std::uint64_t s = 1; s <= sessions; ++s) {
    std::uint64_t trimmed = 0;
    for (std::uint64_t f = 1; f <= gone; ++f)
      trimmed += 1 + f % (sessions + 1) == s ? 1 : 0;
    CHECK(t.look_overtaken({s}, 0).excluded == trimmed);
  }
  CHECK(t.look_overtaken({sessions + 1}, 0).excluded == 0);
  for (std::uint64_t s = 1; s <= sessions; ++s) {
    t.forget({s});
    CHECK(t.look_overtaken({s}, 0).excluded == 0);
  }
  t.forget({1});
}

TEST_CASE("what was appended is read in order from any cursor", "[tape]") {
  tape_budget budget;
  tape t{{1 << 20}, budget, 0};
  std::string all;
  for (std::uint64_t o = 10; o <= 3000; o += 10) {
    t.append(frame_of(o), info_of(o));
    all += frame_of(o);
  }
  const auto v = t.look();
  CHECK(read_from(v, 0) == all);
  CHECK(v.head().offset == 3000);
  // Offsets are not consecutive: a cursor between two stands behind the lower one.
  const auto at = v.find(1505);
  REQUIRE(at);
  CHECK(read_from(v, at->place) == all.substr(150 * 20));
  CHECK(v.count_from(at->place) == 150);
  CHECK(v.first_after(*at)->offset == 1510);
  CHECK(v.last(1)->offset == 2990);
  CHECK(v.last(300)->place == 0);
  CHECK_FALSE(v.last(301));
}

TEST_CASE("a tape is bounded and gives up its oldest part", "[tape]") {
  tape_budget budget;
  tape t{{8192}, budget, 0};
  for (std::uint64_t o = 1; o <= 5000; ++o) {
    t.append(frame_of(o, 50), info_of(o));
    CHECK(t.bytes() <= 8192 + 2048);
  }
  const auto v = t.look();
  CHECK(v.tail().offset > 4800);
  CHECK(v.tail().offset < 5000);
  CHECK_FALSE(v.find(v.tail().offset - 1));
  CHECK(budget.used() == t.bytes());
}

TEST_CASE("a frame larger than a segment has one of its own", "[tape]") {
  tape_budget budget;
  tape t{{8192}, budget, 0};
  t.append(frame_of(1, 100'000), info_of(1));
  t.append(frame_of(2), info_of(2));
  const auto v = t.look();
  CHECK(v.head().offset == 2);
  CHECK(read_from(v, v.find(1)->place) == frame_of(2));
}

TEST_CASE("a frame that is kept from a session is left out for that one only", "[tape]") {
  tape_budget budget;
  tape t{{1 << 16}, budget, 0};
  const session_id ann{1}, bob{2};
  t.append(frame_of(1), info_of(1));
  t.append(frame_of(2), info_of(2, ann));
  t.append(frame_of(3), info_of(3));
  const auto v = t.look();
  CHECK(read_from(v, 0, ann) == frame_of(1) + frame_of(3));
  CHECK(read_from(v, 0, bob) == frame_of(1) + frame_of(2) + frame_of(3));
  CHECK(v.hidden(0, v.head().place, ann) == 1);
  CHECK(v.hidden(0, v.head().place, bob) == 0);
  CHECK(v.hides_any(0));
  CHECK_FALSE(v.hides_any(v.head().place));
}

TEST_CASE("a torn frame ends where the index says", "[tape]") {
  tape_budget budget;
  tape t{{1 << 16}, budget, 0};
  for (std::uint64_t o = 1; o <= 100; ++o)
    t.append(frame_of(o, 30), info_of(o));
  const auto v = t.look();
  const auto b = v.boundary_at(30 * 7 + 11);
  CHECK(b.at == cursor{30 * 8, 8});
  CHECK(b.rest == frame_of(8, 30).substr(11));
  CHECK(v.boundary_at(30 * 7).at == cursor{30 * 7, 7});
  CHECK(v.boundary_at(30 * 7).rest.empty());
}

TEST_CASE("a view outlives the trimming of what it shows", "[tape]") {
  tape_budget budget;
  tape t{{4096}, budget, 0};
  t.append(frame_of(1), info_of(1));
  const auto v = t.look();
  for (std::uint64_t o = 2; o <= 2000; ++o)
    t.append(frame_of(o), info_of(o));
  CHECK(read_from(v, 0) == frame_of(1));
}

TEST_CASE("events older than wanted are passed over", "[tape]") {
  tape_budget budget;
  tape t{{1 << 16}, budget, 0};
  for (std::uint64_t o = 1; o <= 10; ++o)
    t.append(frame_of(o), info_of(o));
  const auto v = t.look();
  CHECK(v.not_before({0, 0}, 4000).offset == 3);
  CHECK(v.not_before({0, 0}, 0).offset == 0);
  CHECK(v.not_before({0, 0}, 99'000).offset == 10);
}

TEST_CASE("what conflation keeps is the newest of each key, in order", "[tape]") {
  conflation c{2};
  c.add("a", {1, {}, "a1"});
  c.add("b", {2, {}, "b1"});
  c.add("a", {3, {}, "a2"});
  auto all = c.after(0);
  REQUIRE(all.size() == 2);
  CHECK(all[0].frame == "b1");
  CHECK(all[1].frame == "a2");
  CHECK(c.after(2).size() == 1);
  // A third key: the one that was silent longest goes.
  c.add("c", {4, {}, "c1"});
  all = c.after(0);
  REQUIRE(all.size() == 2);
  CHECK(all[0].frame == "a2");
  CHECK(all[1].frame == "c1");
}
