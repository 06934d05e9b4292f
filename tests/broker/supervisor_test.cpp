#include "broker/loop_lag.hpp"
#include "broker/stall_watch.hpp"
#include "broker/supervision.hpp"
#include "tests/support/catch.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace hubbub;
using namespace std::chrono_literals;

namespace {

/// Remembers messages and reasons.
class crash_log final : public broker::log_sink {
public:
  std::vector<std::string> all;
  [[nodiscard]] bool wants(broker::log_level) const noexcept override { return true; }
  void write(const broker::log_entry& e) noexcept override {
    std::string line{e.component};
    for (const auto& f : e.fields)
      if (const auto* text = std::get_if<std::string_view>(&f.value))
        line += " " + std::string{*text};
    all.push_back(std::move(line));
  }
};

struct supervised {
  broker::manual_clock time;
  crash_log log;
  broker::metrics metrics{1};
  broker::supervision tree{time, log, metrics};
  int ends = 0;

  supervised() {
    tree.on_end([this] { ++ends; });
  }
  /// Of a counter, as it is scraped.
  bool shows(const std::string& sample) const {
    std::string text;
    metrics.write(text);
    return text.find("\n" + sample + "\n") != std::string::npos;
  }
};

} // namespace

TEST_CASE_METHOD(supervised, "each crash is logged once with its reason, and counted", "[supervisor]") {
  CHECK(tree.rooms.crashed("chat.1", "no luck").count() == 0);
  CHECK(log.all == std::vector<std::string>{"rooms chat.1 no luck"});
  CHECK(shows("hubbub_room_crashes_total 1"));
  tree.connections.crashed("s1", "bad luck");
  tree.bus.crashed("reader", "worse luck");
  CHECK(shows("hubbub_connection_crashes_total 1"));
  CHECK(shows("hubbub_bus_crashes_total 1"));
  CHECK(log.all.size() == 3);
  const auto now = tree.rooms.look();
  CHECK(now.crashes == 1);
  CHECK(now.restarts == 1);
  CHECK(now.last_child == "chat.1");
  CHECK(now.last_reason == "no luck");
  CHECK(now.last_ms == time.unix_ms());
  CHECK_FALSE(now.gave_up);
  CHECK(ends == 0);
}

TEST_CASE_METHOD(supervised, "a child that keeps crashing waits, longer each time, until it was quiet",
                 "[supervisor]") {
  for (auto i = 0; i < 5; ++i)
    CHECK(tree.rooms.crashed("chat.1", "x").count() == 0);
  for (auto wait : {1'000ms, 2'000ms, 4'000ms, 8'000ms, 16'000ms, 30'000ms, 30'000ms}) {
    CHECK(tree.rooms.crashed("chat.1", "x") == wait);
    CHECK(tree.rooms.crashed("chat.1", "x again, while it waits") == wait);
    CHECK(tree.rooms.crashed("chat.2", "y").count() == 0);
    const auto waiting = tree.rooms.look().waiting_children;
    REQUIRE(waiting.size() == 1);
    CHECK(waiting[0].child == "chat.1");
    CHECK(waiting[0].until_ms == time.unix_ms() + wait.count());
    time.advance(wait + 4s);
    CHECK(tree.rooms.look().waiting_children.empty());
  }
  time.advance(11s);
  CHECK(tree.rooms.crashed("chat.1", "x").count() == 0);
  CHECK(ends == 0);
}

TEST_CASE_METHOD(supervised, "one room alone never ends the node, many at once do", "[supervisor]") {
  for (auto i = 0; i < 300; ++i)
    time.advance(tree.rooms.crashed("chat.1", "x"));
  CHECK(ends == 0);
  time.advance(60s);
  for (auto i = 0; i < 50; ++i)
    tree.rooms.crashed("chat." + std::to_string(i), "x");
  CHECK(ends == 0);
  CHECK_FALSE(tree.over());
  tree.rooms.crashed("chat.50", "the last straw");
  CHECK(ends == 1);
  CHECK(tree.over());
  CHECK(tree.why() == "the last straw");
  CHECK(tree.rooms.look().gave_up);
  CHECK(tree.node.look().last_child == "rooms");
  CHECK(log.all.back() == "node rooms the last straw");
  // Once.
  tree.rooms.crashed("chat.51", "x");
  tree.connections.failed("s", "x");
  CHECK(ends == 1);
}

TEST_CASE_METHOD(supervised, "one culprit that crashes room after room never ends the node, several do",
                 "[supervisor]") {
  for (auto round = 0; round < 60; ++round) {
    for (auto i = 0; i < 20; ++i)
      CHECK(tree.rooms.crashed("chat." + std::to_string(round * 20 + i), "x", "culprit 1") == 0ms);
    time.advance(500ms);
  }
  CHECK(ends == 0);
  CHECK(tree.rooms.look().waiting_children.empty());
  CHECK(tree.rooms.look().restarts == 1200);
  time.advance(60s);
  for (auto i = 0; i < 50; ++i)
    tree.rooms.crashed("live." + std::to_string(i), "x", "culprit " + std::to_string(i % 25));
  CHECK(ends == 0);
  tree.rooms.crashed("live.50", "x", "culprit 25");
  CHECK(ends == 1);
}

TEST_CASE_METHOD(supervised, "sessions are not restarted, and crashes that are rare add up to nothing",
                 "[supervisor]") {
  for (auto i = 0; i < 200; ++i, time.advance(250ms))
    CHECK(tree.connections.crashed("s", "x").count() == 0);
  CHECK(ends == 0);
  CHECK(tree.connections.look().restarts == 0);
  CHECK(tree.connections.look().crashes == 200);
  for (auto i = 0; i < 51; ++i)
    tree.connections.crashed("s" + std::to_string(i), "x");
  CHECK(ends == 1);
}

TEST_CASE_METHOD(supervised, "one culprit alone never ends the node, but waits, and many culprits at once do",
                 "[supervisor]") {
  // All its sessions at once, and again each time it may come back.
  for (auto round = 0; round < 10; ++round) {
    for (auto i = 0; i < 200; ++i)
      tree.connections.crashed("s" + std::to_string(i), "x", "user mallory");
    CHECK(tree.connections.wait_of("user mallory") > 0ms);
    CHECK(tree.connections.wait_of("user ann") == 0ms);
    CHECK(ends == 0);
    const auto waiting = tree.connections.look().waiting_children;
    REQUIRE(waiting.size() == 1);
    CHECK(waiting[0].child == "user mallory");
    time.advance(tree.connections.wait_of("user mallory"));
    CHECK(tree.connections.wait_of("user mallory") == 0ms);
  }
  CHECK(tree.connections.look().restarts == 0);
  CHECK(log.all.back() == "connections s199 x user mallory");
  time.advance(60s);
  CHECK(tree.connections.crashed("s", "x", "user mallory") == 0ms);
  for (auto i = 0; i < 49; ++i)
    tree.connections.crashed("s", "x", "user " + std::to_string(i));
  CHECK(ends == 0);
  tree.connections.crashed("s", "x", "address 127.0.0.1");
  CHECK(ends == 1);
}

TEST_CASE_METHOD(supervised, "a part of the bus that never works again ends the node", "[supervisor]") {
  auto waits = 0;
  for (auto i = 0; i < 100 && ends == 0; ++i) {
    const auto wait = tree.bus.crashed("ticker", "x");
    waits += wait.count() != 0;
    time.advance(wait);
  }
  CHECK(ends == 1);
  CHECK(waits == 6);
}

TEST_CASE_METHOD(supervised, "what a part of the bus does while it waits is the same crash still",
                 "[supervisor]") {
  auto waits = 0;
  while (ends == 0 && waits < 100) {
    const auto wait = tree.bus.crashed("nats delivery", "x");
    if (wait.count() == 0)
      continue;
    ++waits;
    // Messages come, and break it, until the connection is made anew.
    for (auto i = 0; i < 100 && waits <= 5; ++i)
      tree.bus.crashed("nats delivery", "x");
    CHECK(ends == (waits > 5 ? 1 : 0));
    time.advance(wait);
  }
  CHECK(ends == 1);
  CHECK(waits == 6);
}

TEST_CASE_METHOD(supervised, "what cannot be restarted ends the node at once", "[supervisor]") {
  CHECK(broker::guarded_to_the_end(&tree.node, "loop 0", [] {}));
  CHECK(ends == 0);
  CHECK_FALSE(broker::guarded_to_the_end(&tree.node, "loop 0", [] { throw std::runtime_error{"broken"}; }));
  CHECK(ends == 1);
  CHECK(tree.why() == "broken");
  CHECK_FALSE(broker::guarded(&tree.bus, "reader", [] { throw 1; }));
  CHECK(tree.bus.look().last_reason == broker::strange_exception);
}

TEST_CASE("who makes no progress for so many beats stands still", "[watchdog]") {
  broker::stall_watch watch{500ms, 8};
  broker::steady_time now{1h};
  std::vector<std::uint64_t> done{0, 0};
  CHECK_FALSE(watch.look(now, done));
  for (auto beat = 1; beat <= 7; ++beat, ++done[0])
    CHECK_FALSE(watch.look(now += 500ms, done));
  SECTION("and is found") {
    ++done[0];
    CHECK(watch.look(now += 500ms, done) == std::size_t{1});
  }
  SECTION("unless it goes on") {
    ++done[1];
    for (auto beat = 0; beat < 8; ++beat, ++done[0])
      CHECK_FALSE(watch.look(now += 500ms, done));
    CHECK(watch.look(now += 500ms, done) == std::size_t{1});
  }
}

TEST_CASE("a process that was stopped as a whole is excused", "[watchdog]") {
  broker::stall_watch watch{500ms, 8};
  broker::steady_time now{1h};
  const std::vector<std::uint64_t> done{7};
  std::ignore = watch.look(now, done);
  for (auto stop = 0; stop < 20; ++stop)
    CHECK_FALSE(watch.look(now += 20s, done));
  for (auto beat = 1; beat < 8; ++beat)
    CHECK_FALSE(watch.look(now += 500ms, done));
  CHECK(watch.look(now += 500ms, done) == std::size_t{0});
}

TEST_CASE("a loop's lag is its longest turn of the last second or two", "[loop_lag]") {
  broker::loop_lag lag;
  broker::steady_time now{1h};
  const auto turn = [&](std::chrono::milliseconds takes) {
    lag.began(now);
    lag.ended(now += takes);
  };
  turn(10ms);
  turn(300ms);
  turn(20ms);
  CHECK(lag.value(now) == 300ms);
  CHECK(lag.turns() == 3);
  for (auto i = 0; i < 25; ++i)
    turn(100ms);
  CHECK(lag.value(now) == 100ms);
  now += 5s; // it slept
  turn(1ms);
  CHECK(lag.value(now) == 1ms);
  lag.began(now);
  CHECK(lag.value(now + 3s) == 3s); // a turn that is under way counts
}
