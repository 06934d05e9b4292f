#include "cluster/call_order.hpp"
#include "cluster/dedup_table.hpp"
#include "cluster/epoch.hpp"
#include "cluster/event_ring.hpp"
#include "cluster/siphash.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <thread>

namespace hubbub::test {
namespace {

using namespace cluster;

TEST_CASE("SipHash gives what its authors' vectors say", "[cluster]") {
  const siphash_key key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string text;
  CHECK(siphash(key, text) == digest{0xe6a825ba047f81a3, 0x930255c71472f66d});
  text.push_back('\0');
  CHECK(siphash(key, text) == digest{0x44af996bd8c187da, 0x45fc229b11597634});
  for (auto i = 1; i < 15; ++i)
    text.push_back(static_cast<char>(i));
  CHECK(siphash(key, text) == digest{0x11a8b03399e99354, 0xd9c3cf970fec087e});
}

TEST_CASE("room, user and id are told apart where they meet", "[cluster]") {
  const auto key = new_siphash_key();
  broker::event one, two;
  one.room = two.room = room("chat.1");
  one.from = "ann";
  one.event_id = "1x";
  two.from = "ann1";
  two.event_id = "x";
  CHECK(identity(key, one) != identity(key, two));
  CHECK(identity(key, one) == identity(key, one));
  CHECK(identity(key, one) != identity(new_siphash_key(), one));
}

TEST_CASE("what is remembered for de-duplication ends with its time and is bounded", "[cluster]") {
  const auto bound = std::make_shared<dedup_bound>(3);
  dedup_table table{bound};
  table.add({1, 1}, 10, 100, 90);
  CHECK(table.find({1, 1}, 99) == 10);
  CHECK(table.find({1, 1}, 100) == 0);
  table.add({1, 1}, 11, 200, 90);
  table.sweep(150, 10);
  CHECK(table.find({1, 1}, 150) == 11);
  table.add({2, 2}, 12, 300, 150);
  table.add({3, 3}, 13, 300, 150);
  table.add({4, 4}, 14, 300, 150);
  CHECK(table.size() == 3);
  CHECK(table.find({1, 1}, 150) == 0);
  CHECK(table.find({4, 4}, 150) == 14);
  table.remove({4, 4});
  CHECK(table.find({4, 4}, 150) == 0);
  CHECK(bound->forgotten_early == 1);
  table.sweep(300, 10);
  CHECK(table.size() == 0);
  CHECK(bound->held == 0);
}

TEST_CASE("tables with one bound share it: a busy one takes what the others do not need", "[cluster]") {
  const auto bound = std::make_shared<dedup_bound>(100);
  dedup_table busy{bound}, quiet{bound};
  quiet.add({1000, 0}, 1, 300, 100);
  for (std::uint64_t i = 0; i < 99; ++i)
    busy.add({i, 0}, i + 1, 300, 100);
  CHECK(busy.find({0, 0}, 100) == 1);
  CHECK(bound->forgotten_early == 0);
  busy.add({99, 0}, 100, 300, 100);
  CHECK(busy.find({0, 0}, 100) == 0);
  CHECK(busy.find({1, 0}, 100) == 2);
  CHECK(quiet.find({1000, 0}, 100) == 1);
  CHECK(bound->forgotten_early == 1);
}

TEST_CASE("a table with little gives nothing up for a busy one", "[cluster]") {
  const auto bound = std::make_shared<dedup_bound>(256);
  dedup_table busy{bound}, quiet{bound};
  for (std::uint64_t i = 0; i < 256; ++i)
    busy.add({i, 0}, i + 1, 300, 100);
  quiet.add({1000, 0}, 1, 300, 100);
  quiet.add({1001, 0}, 2, 300, 100);
  CHECK(quiet.find({1000, 0}, 100) == 1);
  busy.add({256, 0}, 257, 300, 100);
  CHECK(bound->held == 256);
  CHECK(busy.find({2, 0}, 100) == 0);
  CHECK(busy.find({3, 0}, 100) == 4);
  quiet.add({1002, 0}, 3, 300, 100); // what is more than its own
  CHECK(quiet.find({1000, 0}, 100) == 1);
  quiet.add({1003, 0}, 4, 300, 100);
  CHECK(quiet.find({1000, 0}, 100) == 0);
  CHECK(quiet.find({1001, 0}, 100) == 2);
}

TEST_CASE("an id that the log made is known by its epoch", "[cluster]") {
  CHECK(new_epoch() != new_epoch());
  CHECK(new_epoch().size() == 8);
  CHECK(default_event_id("abc", 17) == "abc-17");
  CHECK(offset_in("abc-17", "abc") == 17);
  for (const auto* other :
       {"abd-17", "abc-", "abc", "abc-17x", "abc17", "", "abc--1", "abc-99999999999999999999"})
    CHECK(offset_in(other, "abc") == 0);
}

TEST_CASE("a ring grows, wraps and gives its slots back", "[cluster]") {
  event_ring ring;
  std::uint64_t pushed = 0, popped = 0;
  const auto push = [&] {
    auto e = std::make_shared<broker::stored_event>();
    e->offset = ++pushed * 10;
    ring.push_back({std::move(e), static_cast<std::int64_t>(pushed)}, 7);
  };
  for (auto round = 0; round < 50; ++round) {
    while (ring.size() < 7)
      push();
    CHECK(ring.front().what->offset == (popped + 1) * 10);
    CHECK(ring.back().what->offset == pushed * 10);
    CHECK(ring.up_to(0) == 0);
    CHECK(ring.up_to((popped + 3) * 10) == 3);
    CHECK(ring.up_to((popped + 3) * 10 - 1) == 2);
    CHECK(ring.up_to(~0ull) == 7);
    CHECK(ring.before(static_cast<std::int64_t>(popped) + 3) == 2);
    for (auto n = 0; n < 1 + round % 7; ++n)
      CHECK(ring.pop_front()->offset == ++popped * 10);
    ring.shrink();
  }
}

TEST_CASE("calls run one after another, and none waits for another thread's", "[cluster]") {
  call_order calls;
  std::vector<int> order;
  std::atomic<bool> inside{false}, left{false};
  std::thread slow{[&] {
    calls.run([&] {
      inside = true;
      while (!left)
        std::this_thread::yield();
      order.push_back(1);
      // From within: afterwards, not nested.
      calls.run([&] { order.push_back(3); });
    });
  }};
  while (!inside)
    std::this_thread::yield();
  // Returns at once although the other call still runs.
  calls.run([&] { order.push_back(2); });
  left = true;
  slow.join();
  CHECK(order == std::vector<int>{1, 2, 3});
}

} // namespace
} // namespace hubbub::test
