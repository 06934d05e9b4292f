#include "tests/actors/actor_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;
using strings = std::vector<std::string>;

TEST_CASE_METHOD(actor_fixture, "an event reaches each reader once", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  auto& cat = connect();
  for (auto* c : {&ann, &bob})
    CHECK(c->ask(join("chat.news"))["op"] == "ok");

  const auto ok = ann.ask(publish("chat.news", "hello"));

  CHECK(ok["op"] == "ok");
  CHECK(ok["duplicate"] == false);
  CHECK(ann.events() == strings{"hello"});
  CHECK(bob.events() == strings{"hello"});
  CHECK(cat.events().empty());
}

TEST_CASE_METHOD(actor_fixture, "an event comes once to a reader of two rooms when another joins in its turn",
                 "[actors]") {
  auto& ann = connect_to(0);
  auto& bob = connect_to(0);
  ann.ask(join("chat.news"));
  ann.ask(join("chat.talk"));
  auto j = join("chat.news");
  auto p = publish("chat.news", "hello");
  j["id"] = 1;
  p["id"] = 2;
  bob.send(json::array({j, p}));
  settle();
  CHECK(ann.events() == strings{"hello"});
  CHECK(bob.events() == strings{"hello"});
}

TEST_CASE_METHOD(actor_fixture, "events of a room come in order, also many in one turn", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  strings sent;
  for (auto i = 0; i < 50; ++i) {
    sent.push_back(std::to_string(i));
    ann.send(with_id(publish("chat.news", sent.back()), i));
  }
  settle();
  CHECK(bob.events() == sent);
  CHECK(ann.read().size() == 50);
}

TEST_CASE_METHOD(actor_fixture, "who left gets nothing more", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  CHECK(bob.ask({{"op", "leave"}, {"room", "chat.news"}})["op"] == "ok");
  ann.ask(publish("chat.news", "late"));
  CHECK(bob.events().empty());
  CHECK(bob.ask({{"op", "leave"}, {"room", "chat.news"}})["code"] == "not_joined");
}

TEST_CASE_METHOD(actor_fixture, "echo false keeps the event from its own session only", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.ask(join("chat.news"));
  bob.ask(join("chat.news"));
  auto c = publish("chat.news", "typing");
  c["echo"] = false;
  ann.ask(c);
  CHECK(ann.events().empty());
  CHECK(bob.events() == strings{"typing"});
}

TEST_CASE_METHOD(actor_fixture, "a repeated event_id is recognised and delivered once", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  auto c = publish("chat.news", "once");
  c["event_id"] = "e1";
  const auto first = ann.ask(c);
  const auto second = ann.ask(c);
  CHECK(first["duplicate"] == false);
  CHECK(second["duplicate"] == true);
  CHECK(second["offset"] == first["offset"]);
  CHECK(bob.events() == strings{"once"});
}

TEST_CASE_METHOD(actor_fixture, "a join whose client has gone holds up nothing in its room", "[actors]") {
  auto& ann = connect();
  ann.ask(publish("chat.news", "one"));
  bus->holds_reads = true;
  for (auto i = 0; i < 5; ++i) {
    auto& bob = connect();
    auto c = join("chat.news");
    c["since"] = {{"epoch", "other"}, {"offset", 1}};
    c["id"] = 1;
    bob.send(c);
    settle();
    bob.gone();
    settle();
  }
  bus->answer_reads();
  settle();
  advance(std::chrono::seconds{12});
  CHECK(node->rooms().size() == 0);
}

TEST_CASE_METHOD(actor_fixture, "one's own events stay away from whoever publishes and joins in one batch",
                 "[actors]") {
  auto& ann = connect();
  for (const std::string name : {"chat.news", "live.cursors"}) {
    auto j = join(name);
    auto p = publish(name, "mine");
    p["echo"] = false;
    j["id"] = 1;
    p["id"] = 2;
    ann.send(json::array({j, p}));
    settle();
    CHECK(ann.events() == strings{});
  }
}

TEST_CASE_METHOD(actor_fixture, "an unused room ends, and who joins meanwhile meets the next one",
                 "[actors]") {
  auto& ann = connect();
  ann.ask(publish("chat.news", "one"));
  CHECK(node->rooms().size() == 1);
  advance(std::chrono::seconds{5});
  auto& bob = connect();
  for (auto i = 0; i < 60; ++i) { // around the moment of its end
    CHECK(bob.ask(join("chat.news"))["op"] == "ok");
    CHECK(bob.ask({{"op", "leave"}, {"room", "chat.news"}})["op"] == "ok");
    advance(std::chrono::milliseconds{100});
  }
  advance(std::chrono::seconds{12});
  CHECK(node->rooms().size() == 0);
  auto c = join("chat.news");
  c["history"] = 1;
  bob.ask(c);
  CHECK(bob.events() == strings{"one"});
}

TEST_CASE_METHOD(actor_fixture, "a full mailbox is felt by the publishers, and by nobody else", "[actors]") {
  auto& bob = connect();
  bob.ask(join("chat.news"));
  std::vector<client*> many;
  for (auto i = 0; i < 4; ++i)
    many.push_back(&connect());
  for (auto* c : many)
    for (auto i = 0; i < 32; ++i) {
      c->send(with_id(publish("chat.news", "x"), i));
    }
  settle();
  std::size_t stored = 0, refused = 0;
  for (auto* c : many)
    for (const auto& m : c->read())
      if (m["op"] == "ok")
        ++stored;
      else if (m["code"] == "overloaded") {
        ++refused;
        CHECK(m["outcome"] == "not_stored");
        CHECK(m["retry_after_ms"] > 0);
      }
  CHECK(stored == 64); // what the mailbox holds
  CHECK(refused == 64);
  CHECK(bob.events().size() == stored);
}

TEST_CASE_METHOD(actor_fixture, "live rooms deliver without a log and say what was dropped", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  const auto ok = bob.ask(join("live.cursors"));
  CHECK(ok["op"] == "ok");
  bob.wire.room = 500;
  for (auto i = 0; i < 2000; ++i)
    CHECK(ann.ask(publish("live.cursors", std::string(200, 'x')))["op"] == "ok");
  bob.drain(SIZE_MAX);
  std::size_t got = 0, dropped = 0;
  for (const auto& m : bob.read())
    if (m["op"] == "event") {
      ++got;
      CHECK_FALSE(m.contains("offset"));
    } else if (m["op"] == "dropped") {
      dropped += m["count"].get<std::size_t>();
    }
  CHECK(dropped > 0);
  CHECK(got + dropped == 2000);
}

TEST_CASE_METHOD(actor_fixture, "what a live room lost on its way is told in its place", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("live.cursors"));
  ann.ask(publish("live.cursors", "1"));
  bus->lose(7);
  settle();
  ann.ask(publish("live.cursors", "2"));
  const auto got = bob.read();
  REQUIRE(got.size() == 3);
  CHECK(got[0]["data"] == "1");
  CHECK(got[1] == json{{"op", "dropped"}, {"room", "live.cursors"}, {"count", 7}});
  CHECK(got[2]["data"] == "2");
}
