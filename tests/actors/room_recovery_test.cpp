#include "tests/actors/actor_fixture.hpp"

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
  answer_in_rounds();
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
  bob.send(with_id(join("small.room"), 1));
  ann.send(with_id(publish("small.room", "last"), 2));
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
