#include "broker/timing_wheel.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <vector>

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

struct reminder : timer_node {
  int number = 0;
};

struct wheel_fixture {
  steady_time now = steady_time{} + 1h;
  timing_wheel wheel{now};
  std::vector<int> rung;

  bool advance(milliseconds by, std::size_t limit = 1'000'000) {
    now += by;
    return wheel.advance(
        now, [this](timer_node& n) { rung.push_back(static_cast<reminder&>(n).number); }, limit);
  }
};

} // namespace

TEST_CASE_METHOD(wheel_fixture, "a timer is never early and at most one tick late", "[timing_wheel]") {
  reminder a;
  for (auto delay : {0ms, 1ms, 99ms, 100ms, 101ms, 250ms, 25'000ms, 51'200ms, 51'201ms, 120'000ms}) {
    auto start = now;
    wheel.schedule(a, now + delay);
    while (rung.empty()) {
      REQUIRE(now - start <= delay + 100ms);
      advance(1ms);
    }
    CHECK(now - start >= delay);
    CHECK_FALSE(a.scheduled());
    rung.clear();
  }
}

TEST_CASE_METHOD(wheel_fixture, "a cancelled timer and one that is gone do not ring", "[timing_wheel]") {
  reminder a;
  auto b = std::make_unique<reminder>();
  wheel.schedule(a, now + 300ms);
  wheel.schedule(*b, now + 300ms);
  timing_wheel::cancel(a);
  timing_wheel::cancel(a);
  b.reset();
  advance(2s);
  CHECK(rung.empty());
}

TEST_CASE_METHOD(wheel_fixture, "scheduling again moves a timer", "[timing_wheel]") {
  reminder a;
  wheel.schedule(a, now + 300ms);
  wheel.schedule(a, now + 5s);
  advance(4s);
  CHECK(rung.empty());
  advance(1100ms);
  CHECK(rung.size() == 1);
}

TEST_CASE_METHOD(wheel_fixture, "after a long sleep each timer rings once", "[timing_wheel]") {
  std::vector<reminder> all(2000);
  for (int i = 0; i < 2000; ++i) {
    all[static_cast<std::size_t>(i)].number = i;
    wheel.schedule(all[static_cast<std::size_t>(i)], now + milliseconds{i * 97});
  }
  advance(10min);
  std::ranges::sort(rung);
  REQUIRE(rung.size() == 2000);
  for (int i = 0; i < 2000; ++i)
    CHECK(rung[static_cast<std::size_t>(i)] == i);
}

TEST_CASE_METHOD(wheel_fixture, "one call looks at no more timers than it may", "[timing_wheel]") {
  std::vector<reminder> all(100);
  for (auto& a : all)
    wheel.schedule(a, now + 100ms);
  CHECK(advance(200ms, 40));
  CHECK(rung.size() == 40);
  timing_wheel::cancel(all[99]); // it waits for its turn and must not ring
  CHECK(advance(0ms, 40));
  CHECK_FALSE(advance(0ms, 40));
  CHECK(rung.size() == 99);
}

TEST_CASE("what rings may schedule, cancel and destroy others", "[timing_wheel]") {
  auto now = steady_time{} + 1h;
  timing_wheel wheel{now};
  reminder again;
  auto other = std::make_unique<reminder>();
  wheel.schedule(again, now);
  wheel.schedule(*other, now);
  int rings = 0;
  auto fire = [&](timer_node& n) {
    ++rings;
    other.reset();
    wheel.schedule(n, now); // already due: with the next tick, not in an endless circle
  };
  wheel.advance(now += 100ms, fire);
  CHECK(rings == 1);
  wheel.advance(now, fire);
  CHECK(rings == 1);
  wheel.advance(now += 100ms, fire);
  CHECK(rings == 2);
}

TEST_CASE("a wheel that goes first leaves its timers unscheduled", "[timing_wheel]") {
  reminder a;
  {
    timing_wheel wheel{steady_time{}};
    wheel.schedule(a, steady_time{} + 3s);
    CHECK(a.scheduled());
  }
  CHECK_FALSE(a.scheduled());
}

TEST_CASE("the wheel agrees with a plain list of deadlines", "[timing_wheel]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    auto now = steady_time{} + 1h;
    timing_wheel wheel{now};
    constexpr int timers = 200;
    std::vector<reminder> all(timers);
    std::vector<std::optional<steady_time>> deadlines(timers);
    for (int i = 0; i < timers; ++i)
      all[static_cast<std::size_t>(i)].number = i;
    for (int step = 0; step < 3000; ++step) {
      auto i = static_cast<std::size_t>(pick(timers));
      switch (pick(4)) {
      case 0:
      case 1:
        deadlines[i] = now + milliseconds{pick(step % 10 == 0 ? 200'000 : 3000) - 500};
        wheel.schedule(all[i], *deadlines[i]);
        deadlines[i] = std::max(*deadlines[i], now); // what is past comes with the next tick
        break;
      case 2:
        deadlines[i].reset();
        timing_wheel::cancel(all[i]);
        break;
      default:
        now += milliseconds{pick(50) == 0 ? pick(150'000) : pick(400)};
        auto limit = pick(3) == 0 ? 5 : 1'000'000;
        auto more = wheel.advance(
            now,
            [&](timer_node& n) {
              auto at = static_cast<std::size_t>(static_cast<reminder&>(n).number);
              REQUIRE(deadlines[at]);
              REQUIRE(*deadlines[at] <= now);
              deadlines[at].reset();
            },
            static_cast<std::size_t>(limit));
        if (more)
          break;
        bool right = true;
        for (std::size_t k = 0; k < timers; ++k) {
          right &= all[k].scheduled() == deadlines[k].has_value();
          right &= !deadlines[k] || now - *deadlines[k] < 200ms; // a tick, and one for what was past
        }
        REQUIRE(right);
      }
    }
  }
}
