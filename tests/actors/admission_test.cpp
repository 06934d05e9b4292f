#include "tests/actors/actor_fixture.hpp"

#include <set>

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

TEST_CASE_METHOD(actor_fixture, "where the places left are kept for those who resume, only they come in",
                 "[actors][handshakes]") {
  const auto ticket = "ticket." + tickets.seal({.user = "ann"}, {0xa});
  const auto comes = [&](broker::handshake h) {
    h.newcomers_wait_ms = 1500;
    client c{*this, 0, std::move(h)};
    settle();
    return std::pair{c.refused.code,
                     c.wire.closed ? c.wire.closed->retry_after_ms : c.refused.retry_after_ms};
  };
  const auto in = std::pair{broker::errc::ok, 0u};
  const auto later = std::pair{broker::errc::overloaded, 1500u};
  CHECK(comes({}) == later);
  CHECK(comes({.bearer = "ann"}) == later);
  CHECK(comes({.subprotocols = {ticket}}) == in);
  // A browser reads no answer to its handshake.
  CHECK(comes({.origin = "http://app.example"}) == std::pair{broker::errc::ok, 1500u});
  CHECK(comes({.origin = "http://app.example", .subprotocols = {ticket}}) == in);
  // One that does not count is as good as none.
  CHECK(comes({.subprotocols = {"ticket.none"}}).first == broker::errc::unauthorized);
  CHECK(comes({.bearer = "ann", .subprotocols = {"ticket.none"}}) == later);
}

TEST_CASE_METHOD(four_loops, "a browser that is put off is let in, and marked as refused",
                 "[actors][handshakes]") {
  CHECK(let_in(100) == 400);
  loops[0]->lags = 1s;
  time.advance(100ms);
  broker::handshake h;
  h.origin = "https://example.com";
  auto put_off = 0;
  for (auto i = 0; i < 400; ++i) {
    const auto in = node->acceptor().admit(h, *loops[1]);
    REQUIRE(in.has_value());
    put_off += in->put_off == broker::errc::overloaded;
  }
  CHECK(put_off > 0);
  CHECK_FALSE(node->acceptor().admit({}, *loops[1]).has_value());
}

TEST_CASE_METHOD(actor_fixture, "sockets that are turned away at the door are each told a time of their own",
                 "[actors][handshakes]") {
  std::set<std::uint32_t> waits;
  for (auto i = 0; i < 20; ++i)
    waits.insert(node->acceptor().come_again_ms());
  CHECK(waits.size() > 10);
  CHECK(*waits.begin() >= 1);
  CHECK(*waits.rbegin() <= 1100);
}

TEST_CASE_METHOD(actor_fixture, "an address that comes too often is refused at the door, and holds no place",
                 "[actors][handshakes][limits]") {
  using broker::door;
  bounds.handshakes_per_second_per_ip = 2;
  bounds.connections_per_ip = 2;
  auto& acceptor = node->acceptor();
  const auto come = [&](std::string_view address) { return acceptor.may_connect(address, false); };
  CHECK(come("192.0.2.1").what == door::open);
  CHECK(come("192.0.2.1").what == door::open);
  CHECK(come("192.0.2.1").what == door::full);
  acceptor.disconnected("192.0.2.1");
  acceptor.disconnected("192.0.2.1");
  for (auto i = 0; i < 5; ++i) {
    const auto no = come("192.0.2.1");
    CHECK(no.what == door::too_often);
    CHECK(no.retry_after_ms >= 1);
  }
  CHECK(come("192.0.2.2").what == door::open);
  // Others are not told to wait longer for it.
  CHECK(acceptor.come_again_ms() <= 1100);
  time.advance(1s);
  CHECK(come("192.0.2.1").what == door::open);
  CHECK(come("192.0.2.1").what == door::open);
}

TEST_CASE_METHOD(actor_fixture,
                 "whoever has a network of IPv6 addresses has no more of a node by each of them",
                 "[actors][handshakes][limits]") {
  using broker::door;
  bounds.handshakes_per_second_per_ip = 4;
  bounds.connections_per_ip = 2;
  auto& acceptor = node->acceptor();
  const auto come = [&](std::string_view address) { return acceptor.may_connect(address, false).what; };
  CHECK(come("2001:db8:1:2::1") == door::open);
  CHECK(come("2001:db8:1:2:ffff::2") == door::open);
  CHECK(come("2001:db8:1:2::3") == door::full);
  CHECK(come("2001:db8:1:3::1") == door::open);
  CHECK(come("192.0.2.1") == door::open);
  CHECK(come("::ffff:192.0.2.1") == door::open);
  CHECK(come("192.0.2.1") == door::full);
  // Those who go give back what they had.
  acceptor.disconnected("2001:db8:1:2::1");
  CHECK(come("2001:db8:1:2::4") == door::open);
  acceptor.disconnected("2001:db8:1:2:ffff::2");
  CHECK(come("2001:db8:1:2::5") == door::open);
  acceptor.disconnected("2001:db8:1:2::4");
  CHECK(come("2001:db8:1:2::6") == door::too_often);
}

TEST_CASE_METHOD(four_loops, "when loops lag few begin TLS, and those without it come to the door as ever",
                 "[actors][handshakes][limits]") {
  using broker::door;
  const auto begin = [&](int n, bool tls) {
    auto begun = 0;
    for (auto i = 0; i < n; ++i)
      if (const auto answer = node->acceptor().may_connect("192.0.2.1", tls); answer.what == door::open) {
        ++begun;
        node->acceptor().disconnected("192.0.2.1");
      } else {
        CHECK(answer.what == door::before_tls);
        CHECK(answer.retry_after_ms >= 1);
      }
    return begun;
  };
  CHECK(begin(20'000, true) == 20'000);
  CHECK(let_in(100) == 400);
  loops[0]->lags = 1s;
  time.advance(100ms);
  std::ignore = let_in(1);
  CHECK(begin(20'000, true) < 10'000);
  CHECK(begin(100, true) == 0);
  CHECK(begin(100, false) == 100);
}
