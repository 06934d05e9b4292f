#include "tests/actors/resume_fixture.hpp"

#include <algorithm>

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

TEST_CASE_METHOD(resume_fixture, "the log is read once for a room, however many come back to it",
                 "[actors][resume]") {
  auto& publisher = connect();
  const auto first = publish(publisher, "chat.one", 0);
  for (auto i = 1; i < 10; ++i)
    publish(publisher, "chat.one", i);
  for (auto i = 0; i < 120 && node->rooms().find(room("chat.one")); ++i) {
    advance(1s);
    publisher.send({{"op", "pong"}});
  }
  REQUIRE_FALSE(node->rooms().find(room("chat.one"))); // as on a node that has just started
  bus->reads = 0;
  std::vector<client*> all;
  for (auto i = 0; i < 20; ++i) {
    all.push_back(&connect());
    all.back()->send(resume(ticket_of("user" + std::to_string(i)), {{"chat.one", at(first)}}));
  }
  settle();
  for (auto* c : all)
    CHECK(c->events().size() == 9);
  CHECK(bus->reads == 1);
}

TEST_CASE_METHOD(resume_fixture, "who leaves while its rooms are asked is in none of them",
                 "[actors][resume]") {
  auto& publisher = connect();
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", i);
  const auto there = publish(publisher, "chat.one", 0);
  bus->holds_reads = true; // what was trimmed is asked of the log
  auto& c = connect();
  CHECK(say(c, resume(ticket_of("ann"), {{"small.one", at(first)}, {"chat.one", at(there)}})).size() == 1);
  // Others wait for it.
  c.send({{"op", "leave"}, {"id", 2}, {"room", "chat.one"}});
  settle();
  CHECK(c.read().empty());
  c.gone();
  settle();
  bus->answer_reads();
  settle();
  CHECK(node->rooms().find(room("chat.one"))->readers() == 0);
  CHECK(node->rooms().find(room("small.one"))->readers() == 0);
}

TEST_CASE_METHOD(resume_fixture,
                 "who resumes again while the log is still asked has its room, and has it once",
                 "[actors][resume]") {
  auto& publisher = connect();
  auto& watcher = connect();
  watcher.ask(join("small.one"));
  const std::string long_text(500, 'x');
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", long_text); // the tape begins later by now
  watcher.read();
  bus->holds_reads = true;
  bus->reads = 0;
  const auto back = resume(ticket_of("ann", {0xa}), {{"small.one", at(first)}});
  auto& before = connect();
  CHECK(ops(say(before, back)) == names{"welcome"});
  REQUIRE(bus->reads == 1);
  const auto cut = GENERATE(true, false);
  if (cut)
    before.gone();
  auto& after = connect();
  CHECK(ops(say(after, back)) == names{"welcome"});
  CHECK(bus->reads == 1);
  bus->answer_reads();
  settle();
  const auto told = after.read();
  REQUIRE(told.size() >= 2);
  CHECK(told[0]["rooms"]["small.one"]["recovered"] == false);
  CHECK(told[1]["op"] == "gap");
  if (!cut)
    CHECK(before.wire.closed);
  CHECK(node->rooms().find(room("small.one"))->readers() == 2);
  publish(publisher, "small.one", "hello");
  CHECK(after.events() == names{"hello"});
  before.gone();
  after.gone();
  settle();
  CHECK(node->rooms().find(room("small.one"))->readers() == 1);
}

TEST_CASE_METHOD(resume_fixture, "a room that crashes meanwhile is told as unavailable", "[actors][resume]") {
  auto& publisher = connect();
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", i);
  const auto there = publish(publisher, "chat.one", 0);
  bus->holds_reads = true;
  auto& c = connect();
  say(c, resume(ticket_of("ann"), {{"small.one", at(first)}, {"chat.one", at(there)}}));
  publisher.ask(crash("chat.one"));
  settle();
  bus->answer_reads();
  settle();
  const auto all = c.read();
  REQUIRE(all.size() >= 1);
  CHECK(all[0]["rooms"]["chat.one"] == json{{"error", "unavailable"}});
  CHECK(all[0]["rooms"]["small.one"]["recovered"] == false);
  CHECK(c.ask(join("chat.one"))["op"] == "ok");
}

TEST_CASE_METHOD(resume_fixture,
                 "a room that was made anew before that was known keeps no ghost of who resumed",
                 "[actors][resume]") {
  auto& publisher = connect_to(0);
  auto& c = connect_to(0);
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", i);
  const auto there = publish(publisher, "chat.one", 0);
  publisher.send(with_id(crash("chat.one"), 99));
  turn(); // the room is gone, and its supervisor has not heard of it
  bus->holds_reads = true;
  c.send(resume(ticket_of("ann"), {{"small.one", at(first)}, {"chat.one", at(there)}}));
  for (auto i = 0; i < 10; ++i)
    turn(); // the one in its place has answered, and the other room waits for the log
  settle();
  bus->answer_reads();
  settle();
  const auto all = c.read();
  const auto ok = std::ranges::find(all, "ok", [](const json& m) { return m["op"]; });
  REQUIRE(ok != all.end());
  CHECK((*ok)["rooms"]["chat.one"] == json{{"error", "unavailable"}});
  CHECK(this->node->rooms().find(room("chat.one"))->readers() == 0);
  CHECK(c.ask(join("chat.one"))["op"] == "ok");
}
