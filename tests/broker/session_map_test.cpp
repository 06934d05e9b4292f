#include "broker/session_map.hpp"

#include "tests/support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>

using namespace hubbub::broker;

namespace {

using numbers = session_map<std::uint32_t>;
using known_numbers = std::map<std::uint64_t, std::uint32_t>;

/// All that is to be found in `m`, by each of the ways to find it, is `right`, of the sessions 1 to `most`.
void check_same(const numbers& m, const known_numbers& right, std::uint64_t most) {
  REQUIRE(m.size() == right.size());
  REQUIRE(m.empty() == right.empty());
  for (std::uint64_t who = 1; who <= most; ++who) {
    const auto* found = m.find({who});
    const auto it = right.find(who);
    REQUIRE((found != nullptr) == (it != right.end()));
    if (found)
      REQUIRE(*found == it->second);
  }
  known_numbers seen;
  m.for_each([&seen](session_id who, std::uint32_t what) { REQUIRE(seen.emplace(who.value, what).second); });
  REQUIRE(seen == right);
}

} // namespace

TEST_CASE("a map of sessions has what was put there, of one as of many", "[session_map]") {
  const std::uint64_t n = GENERATE(1, 2, 3, 4, 5, 100);
  numbers m;
  known_numbers right;
  for (std::uint64_t who = 1; who <= n; ++who) {
    m.put({who}, static_cast<std::uint32_t>(who * 10));
    right[who] = static_cast<std::uint32_t>(who * 10);
    check_same(m, right, n + 1);
  }
  m.put({n}, 7); // again
  right[n] = 7;
  check_same(m, right, n + 1);
  for (std::uint64_t who = 1; who <= n; ++who) {
    CHECK_FALSE(m.take({n + 1}));
    CHECK(m.take({who}));
    CHECK_FALSE(m.take({who}));
    right.erase(who);
    check_same(m, right, n + 1);
  }
  // And is as new.
  m.put({n + 1}, 1);
  check_same(m, {{n + 1, 1}}, n + 1);
}

TEST_CASE("nobody is in no map of sessions", "[session_map]") {
  numbers m;
  for (std::uint64_t who = 0; who < 10; ++who) {
    if (who != 0)
      m.put({who}, 1);
    CHECK(m.find({}) == nullptr);
    CHECK_FALSE(m.take({}));
    CHECK(m.size() == who);
  }
}

TEST_CASE("a map of sessions forgets nobody for those who leave, whatever places they had", "[session_map]") {
  constexpr std::uint64_t most = 40;
  std::mt19937 random{7};
  for (auto round = 0; round < 50; ++round) {
    numbers m;
    known_numbers right;
    for (auto step = 0U; step < 400; ++step) {
      const auto who = random() % most + 1;
      // Now more come than go, now fewer.
      if (random() % 100 < (step / 50 % 2 == 0 ? 70 : 30)) {
        m.put({who}, step);
        right[who] = step;
      } else {
        REQUIRE(m.take({who}) == (right.erase(who) == 1));
      }
      check_same(m, right, most);
    }
  }
}
