#include "broker/handshake_places.hpp"

#include "tests/support/catch.hpp"

using namespace hubbub::broker;

namespace {

/// So many places of a kind are there.
std::uint32_t room_for(std::uint32_t bound, handshake_place kind) {
  handshake_places all{bound};
  std::uint32_t n = 0;
  for (; n <= bound && all.free(kind); ++n)
    all.take(kind);
  return n;
}

} // namespace

TEST_CASE("a quarter of the places for handshakes is kept for those who resume", "[handshakes]") {
  for (const auto& [bound, reserved] : std::initializer_list<std::pair<std::uint32_t, std::uint32_t>>{
           {2, 1}, {3, 1}, {4, 1}, {7, 1}, {8, 2}, {100, 25}, {4950, 1237}}) {
    CHECK(room_for(bound, handshake_place::reserved) == reserved);
    CHECK(room_for(bound, handshake_place::common) == bound - reserved);
  }
}

TEST_CASE("a single place is everybody's", "[handshakes]") {
  CHECK(room_for(1, handshake_place::common) == 1);
  CHECK(room_for(1, handshake_place::reserved) == 0);
}

TEST_CASE("without a bound there is always a place, and none is kept", "[handshakes]") {
  handshake_places all{0};
  for (auto i = 0; i < 1000; ++i) {
    CHECK(all.free(handshake_place::common));
    all.take(handshake_place::common);
  }
  CHECK_FALSE(all.free(handshake_place::reserved));
}

TEST_CASE("a place that is given back is free, and only of its kind", "[handshakes]") {
  handshake_places all{2};
  all.take(handshake_place::common);
  all.take(handshake_place::reserved);
  CHECK_FALSE(all.free(handshake_place::common));
  CHECK_FALSE(all.free(handshake_place::reserved));
  all.give_back(handshake_place::reserved);
  CHECK(all.free(handshake_place::reserved));
  CHECK_FALSE(all.free(handshake_place::common));
  all.give_back(handshake_place::none);
  CHECK_FALSE(all.free(handshake_place::common));
  all.give_back(handshake_place::common);
  CHECK(all.free(handshake_place::common));
}
