#include "broker/rate_limit.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

/// How many of `tries` are let through at once.
int taken(rate_limit& limit, steady_time now, int tries) {
  auto n = 0;
  for (auto i = 0; i < tries; ++i)
    n += limit.take(now);
  return n;
}

} // namespace

TEST_CASE("a full bucket gives as many tokens as its rate", "[rate_limit]") {
  const auto rate = GENERATE(1u, 2u, 3u, 7u, 100u, 999u, 5'000u);
  rate_limit limit{rate};
  manual_clock clock;
  CHECK(taken(limit, clock.now(), 10'000) == static_cast<int>(rate));
  CHECK(taken(limit, clock.now(), 10) == 0);
  clock.advance(1s);
  CHECK(taken(limit, clock.now(), 10'000) == static_cast<int>(rate));
}

TEST_CASE("tokens come back one by one", "[rate_limit]") {
  rate_limit limit{100};
  manual_clock clock;
  CHECK(taken(limit, clock.now(), 200) == 100);
  clock.advance(9ms);
  CHECK_FALSE(limit.take(clock.now()));
  clock.advance(1ms);
  CHECK(taken(limit, clock.now(), 5) == 1);
  clock.advance(35ms);
  CHECK(taken(limit, clock.now(), 5) == 3);
  clock.advance(5ms);
  CHECK(taken(limit, clock.now(), 5) == 1);
}

TEST_CASE("a long pause fills the bucket and no more", "[rate_limit]") {
  rate_limit limit{10};
  manual_clock clock;
  CHECK(taken(limit, clock.now(), 100) == 10);
  clock.advance(1h);
  CHECK(taken(limit, clock.now(), 100) == 10);
}

TEST_CASE("over time no more than the rate gets through", "[rate_limit]") {
  rate_limit limit{50};
  manual_clock clock;
  auto n = 0;
  for (auto i = 0; i < 10'000; ++i) {
    n += taken(limit, clock.now(), 3);
    clock.advance(1ms);
  }
  CHECK(n >= 50 * 10);
  CHECK(n <= 50 * 10 + 50);
}

TEST_CASE("the time to come back is when a token is there", "[rate_limit]") {
  rate_limit limit{3};
  manual_clock clock;
  CHECK(limit.retry_after_ms(clock.now()) == 0);
  CHECK(taken(limit, clock.now(), 5) == 3);
  const auto wait = limit.retry_after_ms(clock.now());
  CHECK(wait == 334);
  clock.advance(milliseconds{wait - 1});
  CHECK_FALSE(limit.take(clock.now()));
  clock.advance(1ms);
  CHECK(limit.retry_after_ms(clock.now()) == 0);
  CHECK(limit.take(clock.now()));
}

TEST_CASE("a rate of 0 limits nothing", "[rate_limit]") {
  rate_limit limit{0};
  CHECK(taken(limit, steady_time{}, 100'000) == 100'000);
  CHECK(limit.retry_after_ms(steady_time{}) == 0);
}
