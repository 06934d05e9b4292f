#include "broker/attendance.hpp"

#include "tests/support/catch.hpp"

#include <map>
#include <random>
#include <utility>

using namespace hubbub::broker;

TEST_CASE("an attendance knows its loops, however many readers come and go", "[presence]") {
  std::mt19937 random{7};
  const auto pick = [&random](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  attendance readers;
  std::map<std::uint64_t, std::pair<std::uint32_t, bool>> truth;
  // Crowds of different sizes, with nobody between them.
  for (const auto most : {1U, 3U, 16U, 17U, 40U, 500U, 2U}) {
    for (auto step = 0; step < 3'000; ++step) {
      const session_id who{1 + pick(most)};
      if (pick(2) == 0) {
        CHECK(readers.remove(who) == (truth.erase(who.value) != 0));
      } else if (!readers.has(who)) {
        const auto loop = pick(8);
        const auto presence = pick(3) == 0;
        readers.add(who, loop, presence);
        truth.emplace(who.value, std::pair{loop, presence});
      }
      std::uint64_t loops = 0;
      std::uint64_t presence_loops = 0;
      for (const auto& [_, seat] : truth) {
        loops |= feed::bit(seat.first);
        presence_loops |= seat.second ? feed::bit(seat.first) : 0;
      }
      REQUIRE(readers.size() == truth.size());
      REQUIRE(readers.loops() == loops);
      REQUIRE(readers.presence_loops() == presence_loops);
    }
    for (std::uint64_t id = 1; id <= most; ++id)
      REQUIRE(readers.has({id}) == truth.contains(id));
    CHECK_FALSE(readers.has({}));
    while (!truth.empty()) {
      REQUIRE(readers.remove({truth.begin()->first}));
      truth.erase(truth.begin());
    }
    REQUIRE(readers.empty());
  }
}
