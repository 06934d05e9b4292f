#include "actors/drain.hpp"

#include "tests/actors/actor_fixture.hpp"

#include <functional>

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

namespace {

/// Clients that were told goodbye, each with the time it is to wait.
std::vector<std::uint32_t> sent_away(std::vector<client*>& all) {
  std::vector<std::uint32_t> waits;
  for (auto* c : all)
    if (c->wire.closed)
      waits.push_back(c->wire.closed->retry_after_ms);
  return waits;
}

} // namespace

class drain_fixture : public actor_fixture {
public:
  /// So many tenths of a second of a drain. After each `look` is told how many have passed, and whether
  /// anybody had been left when it began.
  void drain_for(actors::drain& away, std::size_t tenths,
                 const std::function<void(std::size_t, bool)>& look = {}) {
    for (std::size_t n = 1; n <= tenths; ++n) {
      const auto left = away.go_on(time.now());
      settle();
      advance(100ms);
      if (look)
        look(n, left);
    }
  }
};

TEST_CASE_METHOD(drain_fixture, "a drain keeps its pace, on all loops together", "[drain]") {
  std::vector<client*> all;
  for (auto i = 0; i < 100; ++i)
    all.push_back(&connect());
  actors::drain away{node->context().loops, 20, 60s, time.now()};
  CHECK(away.pace() == 20);
  CHECK(away.left() == 100);
  drain_for(away, 49, [&](std::size_t tenths, bool left) {
    CHECK(left);
    // Two each tenth of a second, and one ahead.
    CHECK(sent_away(all).size() <= 2 * tenths + 1);
  });
  CHECK(sent_away(all).size() > 90);
  drain_for(away, 10);
  CHECK_FALSE(away.go_on(time.now()));
  const auto waits = sent_away(all);
  CHECK(waits.size() == 100);
  CHECK(std::set<std::uint32_t>{waits.begin(), waits.end()}.size() > 50);
  CHECK(*std::max_element(waits.begin(), waits.end()) <= 1000);
  for (auto* c : all)
    CHECK(c->wire.closed->code == broker::close_code::draining);
}

TEST_CASE_METHOD(drain_fixture, "those who were sent away come back at the pace, too", "[drain]") {
  constexpr std::size_t pace = 100;
  std::vector<client*> all;
  for (std::size_t i = 0; i < 4 * pace; ++i)
    all.push_back(&connect());
  actors::drain away{node->context().loops, pace, 60s, time.now()};
  std::multiset<broker::steady_time> back;
  std::set<client*> gone;
  drain_for(away, 50, [&](std::size_t, bool) {
    const auto then = time.now() - 100ms;
    for (auto* c : all)
      if (c->wire.closed && gone.insert(c).second)
        back.insert(then + broker::milliseconds{c->wire.closed->retry_after_ms});
  });
  REQUIRE(gone.size() == all.size());
  for (const auto from : back)
    CHECK(std::distance(back.lower_bound(from), back.lower_bound(from + 1s)) <= 11 * pace / 10);
}

TEST_CASE_METHOD(drain_fixture, "a drain that would be late is faster than its pace", "[drain]") {
  std::vector<client*> all;
  for (auto i = 0; i < 100; ++i)
    all.push_back(&connect());
  actors::drain away{node->context().loops, 1, 2s, time.now()};
  CHECK(away.pace() == 50);
  drain_for(away, 21);
  CHECK(sent_away(all).size() == 100);
}

TEST_CASE_METHOD(actor_fixture, "who waits for an answer is sent away with it", "[drain]") {
  std::vector<client*> all{&connect()};
  auto& ann = *all.front();
  bus->holds_reads = true;
  ann.send({{"op", "history"}, {"id", 1}, {"room", "chat.news"}, {"limit", 5}});
  settle();
  actors::drain away{node->context().loops, 100, 60s, time.now()};
  CHECK(away.go_on(time.now()));
  settle();
  CHECK(sent_away(all).empty());
  CHECK_FALSE(away.go_on(time.now()));
  bus->answer_reads();
  settle();
  CHECK(sent_away(all).size() == 1);
  CHECK(ann.read().at(0)["op"] == "ok");
}

TEST_CASE_METHOD(actor_fixture, "who waits for an answer that does not come is sent away all the same",
                 "[drain]") {
  std::vector<client*> all{&connect()};
  bus->holds_reads = true;
  all.front()->send({{"op", "history"}, {"id", 1}, {"room", "chat.news"}, {"limit", 5}});
  settle();
  actors::drain away{node->context().loops, 100, 60s, time.now()};
  away.go_on(time.now());
  settle();
  advance(900ms);
  CHECK(sent_away(all).empty());
  advance(300ms);
  CHECK(sent_away(all).size() == 1);
  bus->answer_reads();
  settle();
}

TEST_CASE_METHOD(actor_fixture, "who goes on asking while it is to go is sent away all the same", "[drain]") {
  std::vector<client*> all{&connect()};
  auto& ann = *all.front();
  bus->holds_reads = true;
  ann.send({{"op", "history"}, {"id", 1}, {"room", "chat.news"}, {"limit", 5}});
  settle();
  actors::drain away{node->context().loops, 100, 60s, time.now()};
  away.go_on(time.now());
  settle();
  advance(500ms);
  // Whoever it says that it is, it is looked at when that ends, and that is far off.
  ann.send({{"op", "resume"},
            {"id", 2},
            {"ticket", tickets.seal({.user = "ann"}, {0xa})},
            {"rooms", json::object()}});
  ann.send({{"op", "history"}, {"id", 3}, {"room", "chat.news"}, {"limit", 5}});
  settle();
  CHECK(ann.read().size() == 2);
  advance(400ms);
  CHECK(sent_away(all).empty());
  advance(300ms);
  CHECK(sent_away(all).size() == 1);
  bus->answer_reads();
  settle();
}

TEST_CASE_METHOD(drain_fixture, "a drain keeps its pace when all clients are on one loop", "[drain]") {
  std::vector<client*> all;
  for (auto i = 0; i < 100; ++i)
    all.push_back(&connect_to(0));
  actors::drain away{node->context().loops, 20, 60s, time.now()};
  drain_for(away, 48, [&](std::size_t tenths, bool left) {
    CHECK(left);
    CHECK(sent_away(all).size() <= 2 * tenths + 1);
  });
  CHECK(sent_away(all).size() > 85);
}
