#include "tests/actors/actor_fixture.hpp"

#include <caf/send.hpp>

#include <string>

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

namespace {

struct crashing : actor_fixture {
  crashing() : actor_fixture{2} {
    tree().on_end([this] { ++ends; });
  }
  broker::supervision& tree() { return *node->context().supervision; }
  /// Its handler throws; the answer.
  json crash(client& by, const std::string& room) { return by.ask(hubbub::tests::crash(room)); }
  int ends = 0;
};

} // namespace

TEST_CASE_METHOD(crashing, "a room that keeps crashing is held back, longer each time, and comes again",
                 "[actors]") {
  auto& ann = connect();
  for (auto wait : {1s, 2s, 4s}) {
    // Up to five are rebuilt at once; the next waits.
    for (auto i = 0; tree().rooms.look().waiting_children.empty(); ++i) {
      REQUIRE(i < 6);
      CHECK(crash(ann, "chat.bad")["code"] == "unavailable");
    }
    auto& bob = connect();
    for (const auto& c : {join("chat.bad"), publish("chat.bad", "x")}) {
      const auto refused = bob.ask(c);
      CHECK(refused["code"] == "unavailable");
      CHECK(refused["retry_after_ms"] == std::chrono::milliseconds{wait}.count());
    }
    CHECK(bob.ask(publish("chat.good", "x"))["op"] == "ok");
    advance(wait);
    CHECK(bob.ask(join("chat.bad"))["op"] == "ok");
    CHECK(bob.ask(publish("chat.bad", "x"))["op"] == "ok");
  }
  CHECK(ends == 0);
  CHECK_FALSE(tree().over());
}

TEST_CASE_METHOD(crashing, "readers of a room that waits are told to come back when it does", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.bad"));
  for (auto i = 0; i < 6; ++i)
    crash(ann, "chat.bad");
  REQUIRE(bob.wire.closed);
  CHECK(bob.wire.closed->code == broker::close_code::overloaded);
  CHECK(bob.wire.closed->retry_after_ms == 1000);
  CHECK(tree().rooms.look().restarts == 6);
}

TEST_CASE_METHOD(crashing, "a storm of crashes in one room does not end the node, one in many rooms does",
                 "[actors]") {
  for (auto i = 0; i < 200; ++i) {
    crash(connect(), "chat.bad"); // whoever is refused too often is sent away
    if (i % 10 == 0)
      advance(1s);
  }
  CHECK(tree().rooms.look().crashes >= 8);
  CHECK(ends == 0);
  advance(60s);
  for (auto i = 0; i < 51; ++i) {
    CHECK(ends == 0);
    crash(connect(), "chat.room" + std::to_string(i));
  }
  CHECK(ends == 1);
  CHECK(tree().over());
  CHECK(tree().why().find("asked to crash") != std::string::npos);
  CHECK(tree().rooms.look().gave_up);
}

TEST_CASE_METHOD(crashing, "one user that makes room after room crash does not end the node", "[actors]") {
  broker::identity who;
  who.user = "mallory";
  for (auto i = 0; i < 120; ++i) {
    broker::handshake h;
    h.subprotocols = {"ticket." + tickets.seal(who, broker::session_id::random())};
    client mallory{*this, 0, h};
    settle();
    CHECK(crash(mallory, "chat.room" + std::to_string(i))["code"] == "unavailable");
  }
  CHECK(tree().rooms.look().crashes == 120);
  CHECK(ends == 0);
  CHECK(connect().ask(publish("chat.room1", "x"))["op"] == "ok");
}

TEST_CASE_METHOD(crashing, "a storm of crashes of connections ends the node", "[actors]") {
  for (auto i = 0; i < 51; ++i) {
    CHECK(ends == 0);
    auto& c = connect();
    c.ask({{"op", "history"}, {"room", "chat.breaks"}, {"limit", 1}});
    REQUIRE(c.wire.closed);
    CHECK(c.wire.closed->code == broker::close_code::internal_error);
    c.gone();
  }
  CHECK(ends == 1);
  CHECK(tree().why() == "asked to break");
  CHECK(node->context().counts.connection_crashes.value() == 51);
}

TEST_CASE_METHOD(crashing, "who breaks its own sessions again and again is refused for a while, alone",
                 "[actors]") {
  const auto ticket_of = [&](const std::string& user) {
    broker::identity who;
    who.user = user;
    return tickets.seal(who, broker::session_id::random());
  };
  const auto as = [&](const std::string& user, std::uint32_t loop) {
    broker::handshake h;
    h.subprotocols = {"ticket." + ticket_of(user)};
    return std::make_unique<client>(*this, loop, h);
  };
  auto crashes = 0;
  for (auto round = 0; round < 100; ++round) {
    auto mallory = as("mallory", static_cast<std::uint32_t>(round) % 2);
    if (mallory->refused.code != broker::errc::ok) {
      CHECK(mallory->refused.code == broker::errc::overloaded);
      CHECK(mallory->refused.retry_after_ms > 0);
      CHECK(as("ann", 0)->refused.code == broker::errc::ok);
      advance(500ms);
      continue;
    }
    settle();
    mallory->ask({{"op", "history"}, {"room", "chat.breaks"}, {"limit", 1}});
    REQUIRE(mallory->wire.closed);
    CHECK(mallory->wire.closed->code == broker::close_code::internal_error);
    ++crashes;
  }
  CHECK(crashes > 6);
  CHECK(crashes < 20);
  CHECK(node->context().counts.culprits_refused.value() == 100 - crashes);
  CHECK(ends == 0);

  // Nor does it come in without showing who it is first.
  auto& later = connect();
  REQUIRE(as("mallory", 0)->refused.code == broker::errc::overloaded);
  later.send({{"op", "resume"}, {"id", 1}, {"ticket", ticket_of("mallory")}, {"rooms", json::object()}});
  settle();
  REQUIRE(later.wire.closed);
  CHECK(later.wire.closed->code == broker::close_code::overloaded);
  CHECK(later.wire.closed->retry_after_ms > 0);
  advance(31s);
  CHECK(as("mallory", 0)->refused.code == broker::errc::ok);
}

TEST_CASE_METHOD(crashing, "connections that crash now and then end nothing but themselves", "[actors]") {
  for (auto i = 0; i < 120; ++i) {
    auto& c = connect();
    c.ask({{"op", "history"}, {"room", "chat.breaks"}, {"limit", 1}});
    c.gone();
    advance(300ms);
  }
  CHECK(ends == 0);
  CHECK(tree().connections.look().crashes == 120);
}
