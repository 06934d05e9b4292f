#include "broker/handshake_budget.hpp"

#include "tests/support/catch.hpp"

#include <map>

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

/// `n` clients that come at once; how many are let in.
int let_in(handshake_budget& budget, manual_clock& time, int n, milliseconds lag = 0ms,
           bool tickets = false) {
  auto in = 0;
  for (auto i = 0; i < n; ++i)
    in += budget.ask(time.now(), lag, tickets).in;
  return in;
}

} // namespace

TEST_CASE("a fixed budget lets in so many a second, and keeps a part for those with a ticket",
          "[handshakes]") {
  handshake_budget budget{100, 1};
  manual_clock time;
  time.advance(10s);
  CHECK(let_in(budget, time, 1000) == 76);
  CHECK(let_in(budget, time, 1000, 0ms, true) == 24);
  CHECK(let_in(budget, time, 10, 0ms, true) == 0);
  time.advance(100ms);
  CHECK(let_in(budget, time, 1000) == 0);
  CHECK(let_in(budget, time, 1000, 0ms, true) == 10);
}

TEST_CASE("loops that keep up let everybody in", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  for (auto i = 0; i < 100; ++i) {
    time.advance(100ms);
    CHECK(let_in(budget, time, 1000, 199ms) == 1000);
  }
  CHECK(budget.rate() == 0);
}

TEST_CASE("loops that lag let in fewer, and all again when they keep up", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  for (auto i = 0; i < 5; ++i) {
    time.advance(100ms);
    let_in(budget, time, 200);
  }
  time.advance(100ms);
  std::ignore = let_in(budget, time, 200, 300ms);
  // 2,000 a second were too many.
  CHECK(budget.rate() == Approx(1400));
  auto before = budget.rate();
  for (auto i = 0; i < 5; ++i) {
    // The lag that is told is still that of before.
    for (auto tenths = 0; tenths < 19; ++tenths) {
      time.advance(100ms);
      const auto in = let_in(budget, time, 1000, 300ms);
      CHECK(in <= before / 10 + 1);
      CHECK(budget.rate() == before);
    }
    time.advance(100ms);
    std::ignore = let_in(budget, time, 1000, 300ms);
    CHECK(budget.rate() < before);
    before = budget.rate();
  }
  for (auto i = 0; i < 200; ++i) {
    time.advance(100ms);
    std::ignore = let_in(budget, time, 1, 1ms);
  }
  CHECK(let_in(budget, time, 1000, 1ms) == 1000);
}

TEST_CASE("however long the lag, somebody comes in", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  auto in = 0;
  for (auto i = 0; i < 300; ++i) {
    time.advance(100ms);
    in += let_in(budget, time, 50, 5s);
  }
  CHECK(in >= 30 * 15);
  CHECK(budget.rate() >= 50);
}

TEST_CASE("who is refused is told a time of its own, over the time that all of them need", "[handshakes]") {
  handshake_budget budget{100, 1};
  manual_clock time;
  time.advance(10s);
  std::map<std::uint32_t, int> waits; // by second
  auto longest = 0u;
  auto refused = 0;
  for (auto i = 0; i < 2000; ++i)
    if (const auto a = budget.ask(time.now(), 0ms, true); !a.in) {
      ++refused;
      CHECK(a.retry_after_ms >= 1);
      longest = std::max(longest, a.retry_after_ms);
      ++waits[a.retry_after_ms / 1000];
    }
  CHECK(refused == 1900);
  CHECK(budget.backlog() == Approx(1900));
  CHECK(longest <= 19'100); // 1,900 of them at 100 a second
  CHECK(longest > 15'000);
  CHECK(waits.size() >= 15);
}

TEST_CASE("a storm of whom each comes again when it was told is over in about the time it needs",
          "[handshakes]") {
  handshake_budget budget{200, 7};
  manual_clock time;
  time.advance(10s);
  std::multimap<std::int64_t, int> coming;
  for (auto i = 0; i < 2000; ++i)
    coming.emplace(0, i);
  std::int64_t now = 0;
  auto tries = 0;
  while (!coming.empty()) {
    const auto at = coming.begin()->first;
    time.advance(milliseconds{at - now});
    now = at;
    coming.erase(coming.begin());
    ++tries;
    if (const auto a = budget.ask(time.now(), 0ms, true); !a.in)
      coming.emplace(now + a.retry_after_ms, 0);
  }
  CHECK(now < 20'000); // 2,000 at 200 a second need 10 s
  CHECK(tries < 2000 * 8);
}
