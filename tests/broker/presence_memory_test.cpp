#include "broker/attendance.hpp"
#include "broker/presence.hpp"

#include "tests/support/catch.hpp"

#include <chrono>
#include <iostream>
#include <malloc.h>
#include <memory>
#include <string>
#include <vector>

using namespace hubbub::broker;

namespace {

double bytes_used() { return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd); }

/// Rooms of one anonymous person each.
struct small_rooms {
  static constexpr std::size_t n = 10'000;
  policy rules;
  manual_clock clock;
  room_name room = room_name::parse("conversations.room-1").value();
  std::vector<std::unique_ptr<roster>> all;

  small_rooms() { all.reserve(n); }
  void fill() {
    for (std::size_t i = 0; i < n; ++i) {
      all.push_back(std::make_unique<roster>(room, rules));
      all.back()->share();
      all.back()->enter(session_id::random(), {}, {}, {}, clock.now());
      (void)all.back()->own_changes();
    }
  }
};

} // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE_METHOD(small_rooms, "a room with one person in it costs little for its presence", "[presence]") {
  const auto before = bytes_used();
  fill();
  const auto told = (bytes_used() - before) / n;
  for (auto& r : all)
    r->rest();
  const auto resting = (bytes_used() - before) / n;
  for (auto& r : all)
    (void)r->view();
  const auto viewed = (bytes_used() - before) / n;
  std::cout << "bytes a roster of one: " << told << " at first, " << resting << " at rest, " << viewed
            << " with a view\n";
  CHECK(resting < 340);
  CHECK(viewed < 900);
}

TEST_CASE("a room with one reader costs little to know it by", "[presence]") {
  std::vector<attendance> all(small_rooms::n);
  const auto before = bytes_used();
  for (auto& a : all)
    a.add(session_id::random(), 1, false);
  const auto outside = (bytes_used() - before) / static_cast<double>(all.size());
  std::cout << "bytes an attendance of one: " << outside + sizeof(attendance) << '\n';
  CHECK(outside + sizeof(attendance) < 72);
}
#endif

TEST_CASE("what a crowd costs", "[.bench]") {
  constexpr std::uint64_t crowd = 10'000;
  policy rules;
  rules.linger = {};
  manual_clock clock;
  const auto room = room_name::parse("chat.lobby").value();
  std::vector<session_id> who;
  for (std::uint64_t i = 0; i < crowd; ++i)
    who.push_back(session_id::random());
  for (const auto most : {1'000U, 100'000U}) {
    rules.roster_max = most;
    const auto before = bytes_used();
    const auto start = std::chrono::steady_clock::now();
    roster people{room, rules};
    for (const auto s : who)
      people.enter(s, {}, {}, "1", clock.now());
    const auto entered = std::chrono::steady_clock::now();
    const auto bytes = bytes_used() - before;
    for (auto round = 0; round < 10; ++round)
      for (const auto s : who)
        (void)people.update(s, round % 2 == 0 ? "2" : "1");
    const auto updated = std::chrono::steady_clock::now();
    for (const auto s : who)
      people.leave(s, clock.now());
    const auto left = std::chrono::steady_clock::now();
    const auto ns = [](auto d, double by) {
      return static_cast<double>(std::chrono::nanoseconds{d}.count()) / crowd / by;
    };
    std::cout << "roster_max " << most << ": enter " << ns(entered - start, 1) << " ns, update "
              << ns(updated - entered, 10) << " ns, leave " << ns(left - updated, 1) << " ns, "
              << bytes / crowd << " bytes a person\n";
  }
  attendance readers;
  const auto before = bytes_used();
  const auto start = std::chrono::steady_clock::now();
  for (const auto s : who)
    readers.add(s, s.value % 4, true);
  const auto added = std::chrono::steady_clock::now();
  const auto bytes = bytes_used() - before;
  std::size_t there = 0;
  for (const auto s : who)
    there += readers.has(s) ? 1 : 0;
  const auto looked = std::chrono::steady_clock::now();
  for (const auto s : who)
    (void)readers.remove(s);
  const auto removed = std::chrono::steady_clock::now();
  CHECK(there == crowd);
  std::cout << "attendance: add " << (added - start).count() / crowd << " ns, look "
            << (looked - added).count() / crowd << " ns, remove " << (removed - looked).count() / crowd
            << " ns, " << bytes / crowd << " bytes a reader\n";
}
