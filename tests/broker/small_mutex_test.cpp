#include "broker/small_mutex.hpp"

#include "tests/support/catch.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

using namespace hubbub::broker;

TEST_CASE("a small mutex is four bytes", "[mutex]") { CHECK(sizeof(small_mutex) == 4); }

TEST_CASE("of all who lock a small mutex one at a time goes on", "[mutex]") {
  constexpr int threads = 4, rounds = 20'000;
  small_mutex guard;
  // Not atomic, so that two at once would lose some, and ThreadSanitizer would tell.
  std::uint64_t count = 0;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        std::lock_guard hold{guard};
        ++count;
      }
    });
  for (auto& t : all)
    t.join();
  CHECK(count == std::uint64_t{threads} * rounds);
}

TEST_CASE("who waits for a small mutex sleeps, and all are woken one after another", "[mutex]") {
  small_mutex guard;
  std::atomic<int> in{0};
  std::vector<std::thread> all;
  {
    std::lock_guard hold{guard};
    for (int t = 0; t < 3; ++t)
      all.emplace_back([&] {
        std::lock_guard mine{guard};
        ++in;
      });
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    CHECK(in == 0);
  }
  for (auto& t : all)
    t.join(); // would hang if one had been forgotten
  CHECK(in == 3);
}
