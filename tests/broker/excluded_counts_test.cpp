#include "broker/excluded_counts.hpp"

#include "tests/support/catch.hpp"

#include <cstdint>

using namespace hubbub::broker;

namespace {

/// The readers 1 to `n` are expected, and each has missed as many frames as its number is.
excluded_counts counted(std::uint64_t n) {
  excluded_counts c;
  for (std::uint64_t who = 1; who <= n; ++who) {
    c.expect({who});
    for (std::uint64_t i = 0; i < who; ++i)
      c.add({who});
  }
  return c;
}

} // namespace

TEST_CASE("of each reader what was kept from it is counted, whether they are few or many", "[tape]") {
  // Eight have their places in an array.
  const std::uint64_t n = GENERATE(1, 8, 9, 10, 200);
  auto c = counted(n);
  for (std::uint64_t who = 1; who <= n; ++who)
    CHECK(c.of({who}) == who);
  CHECK(c.of({n + 1}) == 0);
}

TEST_CASE("of those who do not read nothing is counted", "[tape]") {
  const std::uint64_t n = GENERATE(1, 8, 9, 200);
  auto c = counted(n);
  c.add({n + 1});
  CHECK(c.of({n + 1}) == 0);
  c.forget({n + 1});
  c.forget({n});
  c.add({n});
  CHECK(c.of({n}) == 0);
  // Whoever comes again begins anew.
  c.expect({n});
  CHECK(c.of({n}) == 0);
  c.add({n});
  CHECK(c.of({n}) == 1);
  for (std::uint64_t who = 1; who < n; ++who)
    CHECK(c.of({who}) == who);
}

TEST_CASE("who is expected twice is counted once", "[tape]") {
  const std::uint64_t n = GENERATE(8, 9);
  auto c = counted(n);
  c.expect({3});
  CHECK(c.of({3}) == 3);
  c.forget({3});
  CHECK(c.of({3}) == 0);
}

TEST_CASE("when the last reader is forgotten nothing is counted any more", "[tape]") {
  const std::uint64_t n = GENERATE(1, 8, 9, 200);
  auto c = counted(n);
  for (std::uint64_t who = 1; who <= n; ++who) {
    CHECK_FALSE(c.empty());
    c.forget({who});
  }
  CHECK(c.empty());
  c.add({1});
  CHECK(c.of({1}) == 0);
  c.expect({1});
  c.add({1});
  CHECK(c.of({1}) == 1);
}

TEST_CASE("nobody is counted where nobody was ever expected", "[tape]") {
  excluded_counts c;
  CHECK(c.empty());
  c.add({1});
  c.forget({1});
  CHECK(c.of({1}) == 0);
  CHECK(c.empty());
}
