#include "tests/actors/actor_fixture.hpp"

#include <algorithm>

using namespace hubbub;
using namespace hubbub::tests;
using strings = std::vector<std::string>;

TEST_CASE_METHOD(actor_fixture, "who comes back with a position gets what was missed", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  const auto at = ann.ask(publish("chat.news", "one"));
  bob.gone();
  ann.ask(publish("chat.news", "two"));
  ann.ask(publish("chat.news", "three"));

  auto& again = connect();
  auto c = join("chat.news");
  c["since"] = {{"epoch", at["epoch"]}, {"offset", at["offset"]}};
  const auto ok = again.ask(c);
  CHECK(ok["recovered"] == true);
  CHECK(ok["offset"] == at["offset"]);
  ann.ask(publish("chat.news", "four"));
  CHECK(again.events() == strings{"two", "three", "four"});
}

TEST_CASE_METHOD(actor_fixture, "a position that the log has given up is answered with a gap", "[actors]") {
  auto& ann = connect();
  const auto first = ann.ask(publish("small.news", "0"));
  std::uint64_t third_from_last = 0;
  for (auto i = 1; i <= 10; ++i) {
    const auto ok = ann.ask(publish("small.news", std::to_string(i)));
    if (i == 6)
      third_from_last = ok["offset"].get<std::uint64_t>();
  }
  auto& bob = connect();
  auto c = join("small.news");
  c["since"] = {{"epoch", first["epoch"]}, {"offset", first["offset"]}};
  c["id"] = 1;
  bob.send(c);
  settle();
  const auto got = bob.read();
  REQUIRE(got.size() == 7);
  CHECK(got[0]["recovered"] == false);
  CHECK(got[1]["op"] == "gap");
  CHECK(got[1]["from"] == first["offset"]);
  CHECK(got[1]["to"] == third_from_last);
  CHECK(got[2]["data"] == "6");
  CHECK(got[6]["data"] == "10");
  CHECK(got[0]["offset"] < got[2]["offset"]);
}

TEST_CASE_METHOD(actor_fixture, "a position of another epoch is answered with a gap and all that is kept",
                 "[actors]") {
  auto& ann = connect();
  ann.ask(publish("chat.news", "one"));
  auto c = join("chat.news");
  c["since"] = {{"epoch", "other"}, {"offset", 7}};
  c["id"] = 1;
  ann.send(c);
  settle();
  const auto got = ann.read();
  CAPTURE(json(got).dump());
  REQUIRE(got.size() == 3);
  CHECK(got[0]["recovered"] == false);
  CHECK(got[1]["op"] == "gap");
  CHECK(got[1]["from"] == 7);
  CHECK(got[2]["data"] == "one");
}

TEST_CASE_METHOD(actor_fixture, "history on joining gives the last events, then live ones", "[actors]") {
  auto& ann = connect();
  for (auto i = 0; i < 10; ++i)
    ann.ask(publish("chat.news", std::to_string(i)));
  auto& bob = connect();
  auto c = join("chat.news");
  c["history"] = 3;
  bob.ask(c);
  ann.ask(publish("chat.news", "10"));
  CHECK(bob.events() == strings{"7", "8", "9", "10"});
}

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

namespace {

/// A log that answers when nothing else is left to do, as one does that is asked over a network.
void answer_in_rounds(actor_fixture& world) {
  for (std::size_t before = SIZE_MAX; world.bus->reads != before;) {
    before = world.bus->reads;
    world.bus->answer_reads();
    world.bus->holds_reads = true;
    world.settle();
  }
  world.bus->answer_reads();
  world.settle();
}

} // namespace

TEST_CASE_METHOD(actor_fixture,
                 "a room that is new on the node asks the log a few times for all who come back to it",
                 "[actors]") {
  const auto room = GENERATE(as<std::string>{}, "plain.news", "chat.news");
  auto& ann = connect();
  std::vector<std::uint64_t> offsets;
  std::string epoch;
  for (auto i = 0; i < 150; ++i) {
    const auto ok = ann.ask(publish(room, std::to_string(i) + std::string(300, '.')));
    offsets.push_back(ok["offset"]);
    epoch = ok["epoch"];
  }
  bus->reads = 0;
  bus->holds_reads = true;
  std::vector<client*> those;
  for (std::size_t i = 0; i < 200; ++i) {
    auto& c =
        connect_to(static_cast<std::uint32_t>(i % loops.size()),
                   i % 3 == 0 ? broker::wire_format::websocket_deflate : broker::wire_format::websocket);
    auto j = join(room);
    j["id"] = 1;
    j["since"] = {{"epoch", epoch}, {"offset", offsets[(i * 17 + 3) % 50 * 2]}};
    c.send(j);
    those.push_back(&c);
  }
  settle();
  CHECK(bus->reads == 1);
  answer_in_rounds(*this);
  // The room fills its tape, and asks what is there behind the lowest; each loop reads that, if it must.
  CHECK(bus->reads <= 2 + loops.size());
  ann.ask(publish(room, "and on"));
  for (std::size_t i = 0; i < those.size(); ++i) {
    CAPTURE(i);
    const auto first = (i * 17 + 3) % 50 * 2 + 1;
    std::vector<std::uint64_t> missed(offsets.begin() + static_cast<std::ptrdiff_t>(first), offsets.end());
    std::vector<std::uint64_t> got;
    json last;
    for (const auto& m : those[i]->read()) {
      CHECK(m["op"] != "gap");
      if (m["op"] == "ok")
        CHECK(m["recovered"] == true);
      if (m["op"] == "event") {
        got.push_back(m["offset"]);
        last = m["data"];
      }
    }
    REQUIRE(got.size() == missed.size() + 1);
    got.pop_back();
    CHECK(got == missed);
    CHECK(last == "and on");
  }
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
    answer_in_rounds(*this);
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

TEST_CASE_METHOD(actor_fixture, "a hole that the log cannot fill is told to the readers on the tape",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("small.room"));
  const auto first = ann.ask(publish("small.room", "first"));
  bus->deaf = true;
  std::vector<std::uint64_t> offsets;
  for (auto i = 0; i < 12; ++i)
    offsets.push_back(ann.ask(publish("small.room", "unheard"))["offset"]);
  bus->deaf = false;
  const auto last = ann.ask(publish("small.room", "last"));
  std::vector<json> gaps;
  strings events;
  for (const auto& m : bob.read())
    if (m["op"] == "gap")
      gaps.push_back(m);
    else if (m["op"] == "event")
      events.push_back(m["data"]);
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0]["from"] == first["offset"]);
  CHECK(gaps[0]["to"] == offsets[offsets.size() - 4]); // the room keeps five
  CHECK(events == strings{"first", "unheard", "unheard", "unheard", "unheard", "last"});
}

TEST_CASE_METHOD(actor_fixture, "a position that the room has not heard of yet is recovered all the same",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.ask(join("chat.news"));
  ann.ask(publish("chat.news", "one"));
  bus->deaf = true;
  ann.ask(publish("chat.news", "two"));
  const auto at = ann.ask(publish("chat.news", "three"));
  auto c = join("chat.news");
  c["since"] = {{"epoch", at["epoch"]}, {"offset", at["offset"]}};
  const auto ok = bob.ask(c);
  CHECK(ok["recovered"] == true);
  CHECK(ok["offset"] == at["offset"]);
  CHECK(ok["head"] == at["offset"]);
  bus->deaf = false;
  ann.ask(publish("chat.news", "four"));
  CHECK(bob.events() == strings{"four"});
  CHECK(ann.events() == strings{"one", "two", "three", "four"});
}

TEST_CASE_METHOD(actor_fixture, "who joins just before the tape is made anew is not forgotten on the old one",
                 "[actors]") {
  auto& ann = connect_to(0);
  auto& bob = connect_to(static_cast<std::uint32_t>(loops.size()) - 1);
  ann.ask(join("small.room"));
  ann.ask(publish("small.room", "first"));
  bus->deaf = true;
  for (auto i = 0; i < 12; ++i)
    ann.ask(publish("small.room", "unheard"));
  bus->deaf = false;
  // The room runs on the first loop: it answers the join, and then finds a hole that the log cannot fill.
  ann.send({{"op", "presence"}, {"id", 1}, {"room", "small.room"}});
  auto j = join("small.room");
  j["id"] = 1;
  bob.send(j);
  auto p = publish("small.room", "last");
  p["id"] = 2;
  ann.send(p);
  turn_of(0);
  settle();
  REQUIRE_FALSE(bob.events().empty());
  ann.ask(publish("small.room", "on it goes"));
  CHECK(bob.events() == strings{"on it goes"});
}

TEST_CASE_METHOD(actor_fixture, "a room whose log began anew sends its readers away, to join again",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  const auto joined = bob.ask(join("chat.news"));
  for (auto text : {"one", "two", "three"})
    ann.ask(publish("chat.news", text));
  CHECK(bob.events() == strings{"one", "two", "three"});
  begin_log_anew();
  settle();
  REQUIRE(bob.wire.closed);
  CHECK(bob.wire.closed->code == broker::close_code::evicted);
  CHECK(bob.wire.closed->reconnect());
  CHECK_FALSE(ann.wire.closed);

  const auto kept = ann.ask(publish("chat.news", "of the new life"));
  CHECK(kept["op"] == "ok");
  CHECK(kept["epoch"] != joined["epoch"]);
  auto& again = connect();
  auto back = join("chat.news");
  back["id"] = 1;
  back["since"] = {{"epoch", joined["epoch"]}, {"offset", 3}};
  again.send(back);
  settle();
  const auto all = again.read();
  REQUIRE(all.size() == 3);
  CHECK(all[0]["recovered"] == false);
  CHECK(all[0]["epoch"] == kept["epoch"]);
  CHECK(all[1]["op"] == "gap");
  CHECK(all[2]["data"] == "of the new life");
}

TEST_CASE_METHOD(actor_fixture,
                 "whoever joins while the log begins anew is not shown the old one's positions", "[actors]") {
  auto& ann = connect();
  for (auto i = 0; i < 20; ++i)
    ann.ask(publish("chat.news", std::to_string(i)));
  auto& bob = connect();
  bob.wire.room = 10;
  auto all = join("chat.news");
  all["id"] = 1;
  all["history"] = 20;
  bob.send(all);
  turn();
  begin_log_anew();
  settle();
  const auto kept = ann.ask(publish("chat.news", "of the new life"));
  REQUIRE(kept["op"] == "ok");
  bob.drain(SIZE_MAX);
  for (const auto& m : bob.read())
    if (m["op"] == "event")
      CHECK(m["data"] == "of the new life");
}
