#include "tests/actors/actor_fixture.hpp"

#include <algorithm>

using namespace hubbub;
using namespace hubbub::tests;
using strings = std::vector<std::string>;

TEST_CASE_METHOD(actor_fixture, "a reader that falls off the tape reads on from the log", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.big"));
  bob.wire.room = 1000;
  strings sent;
  for (auto i = 0; i < 900; ++i) {
    sent.push_back(std::to_string(i) + std::string(1000, '.'));
    ann.ask(publish("chat.big", sent.back()));
  }
  CHECK(bob.wire.blocked());
  bob.drain(SIZE_MAX);
  CHECK(bob.events() == sent);
  ann.ask(publish("chat.big", "live again"));
  CHECK(bob.events() == strings{"live again"});
}

TEST_CASE_METHOD(actor_fixture,
                 "an overtaken reader for whom nothing is left is told so, and goes on with what is new",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("plain.old"));
  bob.wire.room = 0;
  for (auto i = 0; i < 100; ++i)
    ann.ask(publish("plain.old", std::to_string(i) + std::string(1000, '.')));
  CHECK(bob.wire.blocked());
  time.advance(spaces->of(room("plain.old")).history_age);
  advance(std::chrono::seconds{1});
  bus->others_ahead = 1000;

  bob.drain(SIZE_MAX);
  advance(std::chrono::seconds{1});
  const auto reads = bus->reads;
  advance(std::chrono::seconds{5});
  CHECK(bus->reads == reads);
  auto got = bob.read();
  REQUIRE_FALSE(got.empty());
  CHECK(got.back()["op"] == "gap");
  CHECK(got.back()["to"].is_null());
  ann.ask(publish("plain.old", "new"));
  CHECK(bob.events() == strings{"new"});
  CHECK(bus->reads == reads);
}

TEST_CASE_METHOD(actor_fixture, "an overtaken reader waits for what is in the log and not yet on the tape",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("small.late"));
  bob.wire.room = 0;
  for (auto i = 0; i < 20; ++i)
    ann.ask(publish("small.late", std::to_string(i) + std::string(1000, '.')));
  CHECK(bob.wire.blocked());
  bus->deaf = true; // the room hears of these later
  for (auto i = 20; i < 30; ++i)
    ann.send(publish("small.late", std::to_string(i)));
  settle();
  bob.drain(SIZE_MAX);
  advance(std::chrono::seconds{1});
  bus->deaf = false;
  ann.ask(publish("small.late", "30"));
  advance(std::chrono::seconds{1});
  auto got = bob.events();
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == "30");
  CHECK(std::ranges::adjacent_find(got) == got.end());
}

TEST_CASE_METHOD(actor_fixture, "readers far apart in a long log read it in pages, each its own events once",
                 "[actors]") {
  auto& ann = connect();
  std::vector<std::uint64_t> offsets;
  std::string epoch;
  for (auto i = 0; i < 600; ++i) {
    const auto ok = ann.ask(publish("plain.long", std::string(900, '.')));
    offsets.push_back(ok["offset"]);
    epoch = ok["epoch"];
  }
  bus->holds_reads = true;
  std::vector<client*> those;
  const auto at = [](std::size_t i) { return (i * 131) % 560; };
  for (std::size_t i = 0; i < 24; ++i) {
    auto& c = connect_to(0);
    auto j = join("plain.long");
    j["since"] = {{"epoch", epoch}, {"offset", offsets[at(i)]}};
    j["id"] = 1;
    c.send(j);
    c.wire.room = i % 2 == 0 ? SIZE_MAX : 20'000; // some take little at once
    those.push_back(&c);
  }
  settle();
  for (auto round = 0; round < 60; ++round) {
    answer_in_rounds();
    bus->holds_reads = true;
    for (std::size_t i = 1; i < those.size(); i += 2)
      those[i]->take(40'000);
  }
  bus->answer_reads();
  for (auto* c : those)
    c->drain(SIZE_MAX);
  for (std::size_t i = 0; i < those.size(); ++i) {
    CAPTURE(i);
    std::vector<std::uint64_t> got;
    for (const auto& m : those[i]->read())
      if (m["op"] == "event")
        got.push_back(m["offset"]);
    CHECK(got == std::vector<std::uint64_t>(offsets.begin() + static_cast<std::ptrdiff_t>(at(i)) + 1,
                                            offsets.end()));
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "when the tapes fill their memory the largest room's laggard goes on from the log, alone",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  const auto& tapes = node->context().tapes;
  // As if other rooms had all but so much.
  const auto enough = tapes.limit() - tapes.limit() / 8;
  node->context().tapes.add(enough - tapes.used() - 300'000);
  const auto laggard_in = [&](const std::string& room) -> client& {
    auto& c = connect();
    c.ask(join(room));
    c.wire.room = 0;
    return c;
  };
  const auto fill = [&](const std::string& room, int events) {
    strings sent;
    for (auto i = 0; i < events; ++i) {
      sent.push_back(std::to_string(i) + std::string(1000, '.'));
      ann.ask(publish(room, sent.back()));
      CHECK(tapes.used() <= enough);
    }
    return sent;
  };
  auto& slow = laggard_in("chat.huge");
  const auto said = fill("chat.huge", 180);
  std::vector<client*> others;
  for (auto i = 0; i < 5; ++i) {
    others.push_back(&laggard_in("chat.small" + std::to_string(i)));
    fill("chat.small" + std::to_string(i), 10);
  }

  CHECK(tapes.given_up() > 0);
  const auto reads = bus->reads;
  for (auto* c : others) {
    c->drain(SIZE_MAX);
    CHECK(c->events() == strings(said.begin(), said.begin() + 10));
  }
  CHECK(bus->reads == reads);
  slow.drain(SIZE_MAX);
  CHECK(slow.events() == said);
  CHECK(bus->reads > reads);
  CHECK_FALSE(slow.wire.closed);
  bob.ask(join("chat.huge"));
  ann.ask(publish("chat.huge", "live again"));
  CHECK(slow.events() == strings{"live again"});
  CHECK(bob.events() == strings{"live again"});
}

TEST_CASE_METHOD(actor_fixture, "a reader that fell behind the log is told where the hole is", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("small.big"));
  bob.wire.room = 0;
  std::vector<std::uint64_t> offsets;
  for (auto i = 0; i < 40; ++i)
    offsets.push_back(ann.ask(publish("small.big", std::string(1000, '.')))["offset"]);
  bob.drain(SIZE_MAX);
  std::vector<std::uint64_t> got;
  json gap;
  for (const auto& m : bob.read())
    if (m["op"] == "event")
      got.push_back(m["offset"]);
    else if (m["op"] == "gap")
      gap = m;
  REQUIRE_FALSE(gap.is_null());
  CHECK(got.back() == offsets.back());
  CHECK(gap["to"] == got.front());
  CHECK(gap["from"] < got.front());
  CHECK(std::is_sorted(got.begin(), got.end()));
}
