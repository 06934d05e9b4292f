#include "tests/actors/actor_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

namespace {

struct four_loops : actor_fixture {
  four_loops() : actor_fixture{4} {}
  /// How many of so many that come to each loop are let in.
  int let_in(int to_each) {
    auto in = 0;
    for (auto i = 0; i < to_each; ++i)
      for (auto& loop : loops)
        in += node->acceptor().admit({}, *loop).has_value();
    settle();
    return in;
  }
};

} // namespace

TEST_CASE_METHOD(four_loops, "one loop that lags is enough to let fewer in", "[actors][handshakes]") {
  CHECK(let_in(50) == 200);
  loops[3]->lags = 1s;
  for (auto tenths = 0; tenths < 20; ++tenths) {
    time.advance(100ms);
    std::ignore = let_in(50);
  }
  time.advance(100ms);
  CHECK(let_in(50) < 200);
  loops[3]->lags = 0s;
  auto in = 0;
  for (auto tenths = 0; tenths < 200 && in < 200; ++tenths) {
    time.advance(100ms);
    in = let_in(50);
  }
  CHECK(in == 200);
}
