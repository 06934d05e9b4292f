#include "broker/user_connections.hpp"

#include "tests/support/catch.hpp"

#include <random>
#include <thread>
#include <vector>

using namespace hubbub::broker;

TEST_CASE("a user has no more sessions than it may, and others have theirs", "[limits]") {
  user_connections all;
  std::vector<user_connections::place> held;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    auto place = all.take("ann", {i}, 3);
    REQUIRE(place);
    held.push_back(std::move(*place));
  }
  CHECK_FALSE(all.take("ann", {4}, 3));
  CHECK(all.take("bob", {4}, 3));
  CHECK(all.count("ann") == 3);
  CHECK(all.count("bob") == 0); // given back at once
  held.pop_back();
  CHECK(all.count("ann") == 2);
  CHECK(all.take("ann", {4}, 3));
  held.clear();
  CHECK(all.count("ann") == 0);
}

TEST_CASE("nobody is counted without a limit, and no connection without a user", "[limits]") {
  user_connections all;
  std::vector<user_connections::place> held;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    held.push_back(*all.take("ann", {i}, 0));
    held.push_back(*all.take("", {i}, 1));
  }
  CHECK(all.count("ann") == 0);
  CHECK(all.count("") == 0);
  // What is not counted is not counted later either.
  held.front() = all.exchange(std::move(held.front()), {11});
  CHECK(all.count("ann") == 0);
}

TEST_CASE("connections of one session share its place, until the last is gone", "[limits]") {
  user_connections all;
  auto before = all.take("ann", {1}, 1);
  auto after = all.take("ann", {1}, 1);
  REQUIRE(after);
  CHECK(all.count("ann") == 1);
  before->give_back();
  before->give_back(); // once is enough
  CHECK_FALSE(all.take("ann", {2}, 1));
  after.reset();
  CHECK(all.take("ann", {2}, 1));
}

TEST_CASE("who goes on with another session of its own needs no second place", "[limits]") {
  user_connections all;
  auto other = all.take("ann", {1}, 2);
  auto mine = all.take("ann", {2}, 2);
  REQUIRE(mine);
  *mine = all.exchange(std::move(*mine), {3});
  CHECK(all.count("ann") == 2);
  CHECK_FALSE(all.take("ann", {2}, 2));
  *mine = all.exchange(std::move(*mine), {1}); // it shares the other's
  CHECK(all.count("ann") == 1);
  other.reset();
  CHECK(all.count("ann") == 1);
  mine.reset();
  CHECK(all.count("ann") == 0);
}

TEST_CASE("whatever comes and goes, on any thread, nothing is left behind", "[limits]") {
  constexpr std::uint32_t most = 3;
  user_connections all;
  const std::vector<std::string> users{"ann", "bob", "cat"};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::minstd_rand random{t + 1};
      std::vector<user_connections::place> held;
      for (auto i = 0; i < 5000; ++i) {
        const auto& user = users[random() % users.size()];
        const session_id session{1 + random() % 6};
        if (!held.empty() && random() % 3 == 0) {
          std::swap(held[random() % held.size()], held.back());
          held.pop_back();
        } else if (auto place = all.take(user, session, most)) {
          held.push_back(std::move(*place));
        }
      }
    });
  for (auto i = 0; i < 1000; ++i)
    for (const auto& user : users)
      if (all.count(user) > most)
        FAIL(user);
  for (auto& t : threads)
    t.join();
  for (const auto& user : users)
    CHECK(all.count(user) == 0);
}
