#include "cluster/live_senders.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <cstdint>
#include <random>
#include <string>

/// What of a live room was lost between nodes, by the numbers that senders give.
namespace hubbub::test {
namespace {

using cluster::live_senders;

struct sums {
  std::uint64_t lost = 0, passed_over = 0;
  bool operator==(const sums&) const = default;
};
sums of(live_senders::heard h) { return {h.lost, h.passed_over}; }

TEST_CASE("a sender's first word loses nothing, whatever its number", "[live]") {
  live_senders all;
  CHECK(of(all.hear("link-3", 17, 2)) == sums{0, 0});
  CHECK(of(all.hear("link-3", 19, 1)) == sums{0, 0});
  CHECK(of(all.hear("link-3", 25, 1)) == sums{5, 0});
}

TEST_CASE("a room that was made again counts anew", "[live]") {
  live_senders all;
  CHECK(of(all.hear("link-3", 1, 50)) == sums{0, 0});
  CHECK(of(all.hear("link-9", 1, 3)) == sums{0, 0});
  SECTION("and what its new life lost first is known, too") {
    CHECK(of(all.hear("link-12", 4, 1)) == sums{3, 0});
  }
  SECTION("what comes of an old life comes too late") {
    CHECK(of(all.hear("link-3", 51, 2)) == sums{2, 2});
    CHECK(of(all.hear("link-9", 4, 1)) == sums{0, 0});
  }
}

TEST_CASE("what comes too late is passed over, and counts once", "[live]") {
  live_senders all;
  CHECK(of(all.hear("link-1", 1, 1)) == sums{0, 0});
  CHECK(of(all.hear("link-1", 5, 1)) == sums{3, 0});
  CHECK(of(all.hear("link-1", 3, 4)) == sums{0, 3});
  CHECK(of(all.hear("link-1", 7, 1)) == sums{0, 0});
}

TEST_CASE("who is suddenly far ahead is believed when the next one goes on from there", "[live]") {
  live_senders all;
  CHECK(of(all.hear("link-1", 1, 2)) == sums{0, 0});
  for (const auto far : {100'000ULL, 1ULL << 62, ~0ULL}) {
    const auto h = all.hear("link-1", far, 1);
    CHECK(h.is_doubtful);
    CHECK(of(h) == sums{0, 1});
  }
  SECTION("a forged one makes nobody deaf") {
    CHECK(of(all.hear("link-1", 3, 2)) == sums{0, 0});
    CHECK(of(all.hear("link-1", 5, 1)) == sums{0, 0});
  }
  SECTION("a real one is counted as soon as that is known, with the one that told first") {
    CHECK(all.hear("link-1", 200'000, 3).is_doubtful);
    CHECK(of(all.hear("link-1", 200'003, 2)) == sums{200'000, 0});
    CHECK(of(all.hear("link-1", 200'005, 1)) == sums{0, 0});
  }
  SECTION("a smaller step is believed at once") {
    CHECK(of(all.hear("link-1", 65'539, 1)) == sums{65'536, 0});
  }
}

TEST_CASE("names that are no node's do no harm", "[live]") {
  live_senders all;
  for (const auto* name : {"one", "-", "-7", "two-", "three-x", "a-b-18446744073709551615"}) {
    CAPTURE(name);
    CHECK(of(all.hear(name, 1, 1)) == sums{0, 0});
    CHECK(of(all.hear(name, 2, 1)) == sums{0, 0});
  }
  for (auto i = 0; i < 5'000; ++i)
    CHECK(of(all.hear("many" + std::to_string(i) + "-1", 1, 1)) == sums{0, 0});
}

TEST_CASE("of what several senders say in several lives, all is had or counted", "[live]") {
  for (std::uint32_t seed = 1; seed <= tests::seeds(500); ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    live_senders all;
    struct {
      std::uint64_t life = 1, sent = 0, not_told = 0;
      bool known = false;
    } nodes[3];
    std::uint64_t had = 0, lost = 0, true_had = 0, true_lost = 0;
    for (auto step = 0; step < 200; ++step) {
      const auto which = random() % 3;
      auto& n = nodes[which];
      if (random() % 10 == 0) {
        n.life += 1 + random() % 3;
        n.sent = n.not_told = 0; // nobody can know of what a life lost last
        continue;
      }
      const auto count = 1 + random() % 4;
      const auto first = n.sent + 1;
      n.sent += count;
      if (random() % 4 == 0) { // the message never comes
        n.not_told += count;
        continue;
      }
      const auto h = all.hear("node" + std::to_string(which) + '-' + std::to_string(n.life), first, count);
      lost += h.lost;
      had += count - h.passed_over;
      true_had += count;
      true_lost += n.known ? n.not_told : 0;
      n.not_told = 0;
      n.known = true;
    }
    CHECK(had == true_had);
    CHECK(lost == true_lost);
  }
}

} // namespace
} // namespace hubbub::test
