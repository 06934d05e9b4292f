#include "tests/cluster/bus_kit.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <chrono>
#include <thread>

/// Every bus is called from several loops at a time; see bus_kit.hpp. Of most use under TSan.
namespace hubbub::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("rooms of four threads do not disturb each other", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  broker::policy rules;
  rules.history_size = 50;
  rules.history_age = 1s;
  auto bus = kit->open(broker::namespaces{rules});
  constexpr auto threads = 4, rooms = 8, events = 100;

  std::vector<std::vector<std::unique_ptr<room_double>>> all(threads);
  for (auto t = 0; t < threads; ++t)
    for (auto r = 0; r < rooms; ++r)
      all[t].push_back(
          std::make_unique<room_double>(*bus, "chat." + std::to_string(t) + "-" + std::to_string(r)));

  for (auto& mine : all)
    for (auto& r : mine)
      r->seen().ready();
  std::atomic<bool> done{false};
  std::atomic<int> holes{0};
  std::thread reader{[&] {
    for (auto n = 0; !done; ++n) {
      const auto name = "chat." + std::to_string(n % threads) + "-" + std::to_string(n / threads % rooms);
      const auto found = read(*bus, after(name, 0));
      for (std::size_t i = 1; i < found.events.size(); ++i)
        holes += found.events[i]->previous != found.events[i - 1]->offset;
      kit->advance(1ms);
      std::this_thread::yield();
    }
  }};
  std::vector<std::thread> loops;
  for (auto& mine : all)
    loops.emplace_back([&mine] {
      for (auto n = 0; n < events; ++n)
        for (auto& r : mine) {
          auto e = r->event(std::to_string(n));
          // Each fourth one twice.
          e.event_id = n % 4 == 1 ? std::to_string(n - 1) : std::to_string(n);
          r->send(std::move(e));
        }
    });
  for (auto& l : loops)
    l.join();
  for (auto& mine : all)
    for (auto& r : mine)
      r->seen().until_answers(events);
  done = true;
  reader.join();
  CHECK(holes == 0);

  for (auto& mine : all)
    for (auto& r : mine) {
      r->seen().until_events(events * 3 / 4);
      const auto delivered = r->seen().events();
      REQUIRE(delivered.size() == events * 3 / 4);
      for (std::size_t i = 1; i < delivered.size(); ++i)
        if (delivered[i]->previous != delivered[i - 1]->offset)
          FAIL("a hole in " << r->name().str());
      CHECK_FALSE(r->seen().broke_the_rules());
    }
}

TEST_CASE("interests begin and end while others publish", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  std::vector<std::thread> loops;
  std::atomic<int> wrong{0};
  for (auto t = 0; t < 4; ++t)
    loops.emplace_back([&, t] {
      for (auto n = 0; n < 40; ++n) {
        // The same few rooms, one after another, and some that never get an event.
        room_double mine{*bus, "chat." + std::to_string(t) + "-" + std::to_string(n % 3)};
        room_double empty{*bus, "chat.empty-" + std::to_string(n)};
        const auto head = mine.seen().ready().offset;
        const auto at = mine.keep("1");
        const auto previous = mine.seen().events().at(0)->previous;
        wrong += kit->is_exact() ? previous != head : previous > head;
        wrong += at <= head;
      }
    });
  for (auto& l : loops)
    l.join();
  CHECK(wrong == 0);
  CHECK(read(*bus, after("chat.0-0", 0)).events.size() == 14);
}

} // namespace
} // namespace hubbub::test
