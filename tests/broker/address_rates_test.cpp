#include "broker/address_rates.hpp"

#include "tests/support/catch.hpp"

#include <set>
#include <string>

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

/// Of `n` that come at once, how many may.
int come(address_rates& rates, const manual_clock& time, std::string_view address, int n,
         std::uint32_t rate) {
  auto in = 0;
  for (auto i = 0; i < n; ++i)
    in += rates.take(address, rate, time.now()) == 0;
  return in;
}

} // namespace

TEST_CASE("an address may come as often as it is given, and a second's worth at once", "[limits]") {
  address_rates rates{1};
  manual_clock time;
  CHECK(come(rates, time, "192.0.2.1", 20, 5) == 5);
  CHECK(come(rates, time, "192.0.2.2", 20, 5) == 5);
  CHECK(come(rates, time, "2001:db8::1", 20, 5) == 5);
  time.advance(200ms);
  CHECK(come(rates, time, "192.0.2.1", 20, 5) == 1);
  time.advance(1h);
  CHECK(come(rates, time, "192.0.2.1", 20, 5) == 5);
  // The least that there is.
  CHECK(come(rates, time, "192.0.2.3", 20, 1) == 1);
}

TEST_CASE("who comes too often is told when it may, each time another", "[limits]") {
  address_rates rates{1};
  manual_clock time;
  REQUIRE(rates.take("192.0.2.1", 1, time.now()) == 0);
  std::set<std::uint32_t> waits;
  for (auto i = 0; i < 50; ++i)
    waits.insert(rates.take("192.0.2.1", 1, time.now()));
  CHECK(waits.size() > 20);
  CHECK(*waits.begin() >= 1000);
  CHECK(*waits.rbegin() <= 2001);
  time.advance(std::chrono::milliseconds{*waits.begin()});
  CHECK(rates.take("192.0.2.1", 1, time.now()) == 0);
}

TEST_CASE("however many addresses come, none is refused for another", "[limits]") {
  address_rates rates{7};
  manual_clock time;
  const auto all = 4 * static_cast<int>(address_rates::capacity);
  auto refused = 0;
  for (auto i = 0; i < all; ++i)
    refused += rates.take("10." + std::to_string(i), 1, time.now()) != 0;
  CHECK(refused == 0);
  // Those that it has room for it remembers.
  for (auto i = 0; i < 100; ++i)
    refused += rates.take("10." + std::to_string(all - 1 - i), 1, time.now()) != 0;
  CHECK(refused > 90);
}

TEST_CASE("an address that comes all the time is refused while thousands of others come", "[limits]") {
  address_rates rates{3};
  manual_clock time;
  auto in = 0;
  for (auto i = 0; i < 10'000; ++i) {
    in += rates.take("192.0.2.1", 2, time.now()) == 0;
    std::ignore = rates.take("10." + std::to_string(i), 2, time.now());
    time.advance(1ms);
  }
  CHECK(in >= 20);
  CHECK(in <= 22); // two at once, and two in each of ten seconds
}
