#include "broker/liveness.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"

#include <algorithm>
#include <vector>

using namespace hubbub::broker;
using std::chrono::seconds;

namespace {

struct liveness_fixture {
  limits bounds;
  hubbub::tests::fake_connection wire;
  steady_time now{seconds{1000}};
  liveness alive{now};
  // Its value chooses where in the interval its pings lie: here at the end.
  session_id who{0};
  bool reading = true;

  liveness_fixture() { wire.received = wire.sent = now; }
  liveness::verdict after(std::chrono::milliseconds pause) {
    now += pause;
    return alive.check(wire, bounds, who, reading, now);
  }
};

} // namespace

TEST_CASE_METHOD(liveness_fixture, "who was heard lately is not pinged", "[liveness]") {
  wire.received = now + seconds{20};
  const auto quiet = after(seconds{24});
  CHECK_FALSE(quiet.ping);
  CHECK_FALSE(quiet.end);
  CHECK(quiet.next <= wire.received + bounds.ping);
}

TEST_CASE_METHOD(liveness_fixture, "silence brings a ping, and then the end", "[liveness]") {
  CHECK(after(bounds.ping).ping);
  CHECK_FALSE(after(bounds.pong_within - seconds{1}).end);
  const auto over = after(seconds{1});
  REQUIRE(over.end);
  CHECK(over.end->code == close_code::heartbeat_missed);
  CHECK(over.end->retry_after_ms > 0);
}

TEST_CASE_METHOD(liveness_fixture, "any byte after the ping is life", "[liveness]") {
  CHECK(after(bounds.ping).ping);
  wire.received = now + seconds{1};
  const auto heard = after(bounds.pong_within);
  CHECK_FALSE(heard.end);
  CHECK_FALSE(heard.ping);
}

TEST_CASE_METHOD(liveness_fixture, "while bytes wait for it a client is judged by what it takes",
                 "[liveness]") {
  CHECK(after(bounds.ping).ping);
  wire.room = 0;
  wire.control(std::string(1000, 'x'));
  for (auto i = 0; i < 20; ++i) { // far longer than a pong may take
    wire.drain(10);
    CHECK_FALSE(after(seconds{10}).end);
  }
  const auto over = after(bounds.stall);
  REQUIRE(over.end);
  CHECK(over.end->code == close_code::slow_consumer);
}

TEST_CASE_METHOD(liveness_fixture, "a host that acknowledges nothing is gone, whatever waits for it",
                 "[liveness]") {
  CHECK(after(bounds.ping).ping);
  wire.room = 0;
  wire.control(std::string(1000, 'x')); // the ping among it
  wire.silent = bounds.ping + bounds.pong_within - seconds{1};
  CHECK_FALSE(after(bounds.pong_within - seconds{1}).end);
  wire.silent = bounds.ping + bounds.pong_within;
  const auto over = after(seconds{1});
  REQUIRE(over.end);
  CHECK(over.end->code == close_code::heartbeat_missed);
}

TEST_CASE_METHOD(liveness_fixture, "nobody is late with a pong that we do not read", "[liveness]") {
  CHECK(after(bounds.ping).ping);
  reading = false;
  for (auto i = 0; i < 10; ++i)
    CHECK_FALSE(after(seconds{10}).end);
  reading = true;
  CHECK_FALSE(after(bounds.pong_within - seconds{1}).end);
  CHECK(after(seconds{1}).end);
}

TEST_CASE("pings of those who came together are spread over a quarter of the interval", "[liveness]") {
  const limits bounds;
  hubbub::tests::fake_connection wire;
  const steady_time opened{seconds{1000}};
  wire.received = opened;
  auto pinged = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    liveness alive{opened};
    pinged +=
        alive.check(wire, bounds, session_id{i * 7919}, true, opened + bounds.ping * 7 / 8).ping ? 1 : 0;
  }
  CHECK(pinged > 400);
  CHECK(pinged < 600);
}

TEST_CASE("later pings keep to the interval, each client a little before it", "[liveness]") {
  const limits bounds;
  hubbub::tests::fake_connection wire;
  std::vector<steady_time> pings;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    steady_time now{seconds{1000}};
    wire.received = now;
    liveness alive{now};
    const auto check = [&] { return alive.check(wire, bounds, session_id{i * 7919}, true, now); };
    auto next = check();
    const auto opened = now;
    for (auto rounds = 0; rounds < 2; ++rounds) { // until its second ping
      do {
        now = next.next;
        next = check();
      } while (!next.ping);
      if (rounds == 0)
        wire.received = now = opened + bounds.ping; // the first one is answered
    }
    pings.push_back(now);
  }
  const auto [first, last] = std::ranges::minmax(pings);
  const steady_time answered = steady_time{seconds{1000}} + bounds.ping;
  CHECK(last <= answered + bounds.ping);
  CHECK(first >= answered + bounds.ping * 15 / 16);
  CHECK(last - first > bounds.ping / 32);
}
