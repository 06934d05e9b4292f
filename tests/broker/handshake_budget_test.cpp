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

/// `n` clients come now, and each again when it was told; all others, too, if `more` so many come each tenth
/// of a second for ten seconds. They are served by a loop that bears `borne` a second, and whose lag is what
/// the last one waited, told for two seconds.
struct storm {
  int n = 0;
  int more = 0;
  double borne = 1e9;

  int tries = 0;
  double least_rate = 1e9;
  milliseconds longest_lag{0};

  /// When 99 of 100 were in.
  milliseconds rage(handshake_budget& budget, manual_clock& time) {
    std::map<std::int64_t, int> coming{{0, n}}; // by millisecond
    for (auto tenths = 1; more != 0 && tenths <= 100; ++tenths)
      coming[tenths * 100] += more;
    const auto all = n + (more != 0 ? 100 * more : 0);
    std::map<std::int64_t, double> lags;
    auto in = 0;
    auto waiting = 0.0;
    std::int64_t now = 0;
    while (in < all * 99 / 100 && now < 300'000) {
      const auto [at, clients] = *coming.begin();
      coming.erase(coming.begin());
      time.advance(milliseconds{at - now});
      waiting = std::max(0.0, waiting - borne * static_cast<double>(at - now) / 1000);
      now = at;
      for (auto i = 0; i < clients; ++i) {
        lags.erase(lags.begin(), lags.lower_bound(now - 2000));
        auto lag = 0.0;
        for (const auto& [when, what] : lags)
          lag = std::max(lag, what);
        const milliseconds told{static_cast<std::int64_t>(lag)};
        longest_lag = std::max(longest_lag, told);
        ++tries;
        if (const auto a = budget.ask(time.now(), told, false); !a.in) {
          ++coming[now + a.retry_after_ms];
        } else {
          ++in;
          waiting += 1;
          lags[now / 100 * 100] = std::max(lags[now / 100 * 100], 1000 * waiting / borne);
        }
        if (budget.rate() != 0)
          least_rate = std::min(least_rate, budget.rate());
      }
    }
    return milliseconds{now};
  }
};

/// As overloaded as it can be.
void overload(handshake_budget& budget, manual_clock& time) {
  for (auto tenths = 0; tenths < 300; ++tenths) {
    time.advance(100ms);
    std::ignore = let_in(budget, time, 50, 5s);
  }
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

TEST_CASE("a hiccup in which hardly anybody comes in is not held against those who come", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  for (auto i = 0; i < 30; ++i) {
    time.advance(1s);
    CHECK(let_in(budget, time, 1, 5s) == 1);
  }
  CHECK(budget.rate() == 0);
  time.advance(60s);
  storm back{.n = 5000};
  CHECK(back.rage(budget, time) <= 2s);
}

TEST_CASE("a bound is forgotten when it was quiet for a while, whatever the lag", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  overload(budget, time);
  CHECK(budget.rate() > 0);
  CHECK(budget.rate() < 150);
  time.advance(60s);
  CHECK(let_in(budget, time, 1, 300ms) == 1);
  CHECK(budget.rate() == 0);
  storm back{.n = 5000};
  CHECK(back.rage(budget, time) <= 2s);
}

TEST_CASE("a bound that nobody meets any more grows by the time that passes", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  overload(budget, time);
  const auto before = budget.rate();
  time.advance(1s);
  std::ignore = let_in(budget, time, 1, 0ms);
  CHECK(budget.rate() == Approx(before * 4.05).epsilon(0.01)); // 1.15 to the tenth
}

TEST_CASE("who comes right behind an overload waits as long as the loops then need", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  overload(budget, time);
  storm back{.n = 5000};
  CHECK(back.rage(budget, time) <= 15s);
}

TEST_CASE("loops that bear fewer than come are not flooded, and all come in", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  storm flood{.n = 0, .more = 150, .borne = 500};
  const auto took = flood.rage(budget, time);
  CHECK(flood.least_rate < 750);
  CHECK(flood.longest_lag < 5s); // without a bound: 20 s
  CHECK(took <= 60s);            // 15,000 at 500 a second need 30 s
  time.advance(3s);
  for (auto i = 0; i < 100; ++i) {
    time.advance(100ms);
    std::ignore = let_in(budget, time, 1, 1ms);
  }
  CHECK(budget.rate() == 0);
}

TEST_CASE("who is turned away for another reason is told a time of its own, too", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  std::map<std::uint32_t, int> waits; // by tenth of a second
  for (auto i = 0; i < 20; ++i)
    ++waits[budget.turn_away(time.now()) / 100];
  CHECK(waits.size() >= 7);
  CHECK(waits.rbegin()->first <= 11);
  // The more are to come again, the longer.
  auto longest = 0u;
  for (auto i = 0; i < 5000; ++i)
    longest = std::max(longest, budget.turn_away(time.now()));
  CHECK(longest > 3000);
  CHECK(longest <= 5100);
  time.advance(10s);
  CHECK(budget.turn_away(time.now()) <= 1050);
}

TEST_CASE("while there is no bound anybody may begin TLS", "[handshakes]") {
  handshake_budget budget{0, 1};
  manual_clock time;
  for (auto i = 0; i < 10'000; ++i)
    REQUIRE(budget.may_begin(time.now()));
  overload(budget, time);
  REQUIRE(budget.rate() > 0);
  auto begun = 0;
  for (auto i = 0; i < 100'000; ++i)
    begun += budget.may_begin(time.now());
  CHECK(begun >= 16);
  CHECK(begun <= 4 * budget.rate() + 16);
}

TEST_CASE("four begin TLS for each that may come in, and a few in any case", "[handshakes]") {
  manual_clock time;
  const auto begin = [&](handshake_budget& budget) {
    auto begun = 0;
    for (auto i = 0; i < 1000; ++i)
      begun += budget.may_begin(time.now());
    return begun;
  };
  handshake_budget hundred{100, 1}, one{1, 1};
  CHECK(begin(hundred) == 400);
  CHECK(begin(one) == 16);
  time.advance(250ms);
  CHECK(begin(hundred) == 100);
  CHECK(begin(one) == 4);
}

TEST_CASE("who resumes finds what is kept for it, though most are refused before TLS", "[handshakes]") {
  handshake_budget budget{80, 1};
  manual_clock time;
  auto begun = 0, resumes = 0, resumed = 0, newcomers = 0;
  // 10,000 a second, one of 16 of whom has a ticket.
  for (auto i = 0; i < 50'000; ++i) {
    if (i % 10 == 0)
      time.advance(1ms);
    if (!budget.may_begin(time.now()))
      continue;
    const auto has_ticket = begun++ % 16 == 0;
    const auto in = budget.ask(time.now(), 0ms, has_ticket).in;
    resumes += has_ticket;
    (has_ticket ? resumed : newcomers) += in;
  }
  CHECK(begun <= 4 * 80 * 6);
  CHECK(resumes >= 100);
  CHECK(resumed == resumes);
  CHECK(newcomers >= 250);
}
