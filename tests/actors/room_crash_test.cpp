#include "tests/actors/actor_fixture.hpp"

#include <algorithm>
#include <random>

using namespace hubbub;
using namespace hubbub::tests;
using strings = std::vector<std::string>;

TEST_CASE_METHOD(actor_fixture, "a room's crash loses nothing for its readers", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  ann.ask(publish("chat.news", "before"));
  const auto refused = ann.ask(crash("chat.news"));
  CHECK(refused["code"] == "unavailable");
  CHECK(refused["outcome"] == "unknown");
  CHECK(ann.ask(publish("chat.news", "after"))["op"] == "ok");
  CHECK(bob.events() == strings{"before", "after"});
  CHECK(node->context().counts.room_crashes.value() == 1);
}

TEST_CASE_METHOD(actor_fixture, "a reader that lagged when its room crashed goes on from its offset",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  bob.wire.room = 10;
  strings sent;
  for (auto i = 0; i < 20; ++i) {
    sent.push_back(std::to_string(i));
    ann.ask(publish("chat.news", sent.back()));
  }
  ann.ask(crash("chat.news"));
  ann.ask(publish("chat.news", "last"));
  sent.emplace_back("last");
  bob.drain(SIZE_MAX);
  CHECK(bob.events() == sent);
}

TEST_CASE_METHOD(actor_fixture, "a room that keeps crashing sends its readers away for a while", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  for (auto i = 0; i < 5; ++i)
    ann.ask(crash("chat.news"));
  CHECK_FALSE(bob.wire.closed);
  ann.ask(crash("chat.news"));
  REQUIRE(bob.wire.closed);
  CHECK(bob.wire.closed->code == broker::close_code::overloaded);
  CHECK(bob.wire.closed->retry_after_ms > 0);
}

TEST_CASE_METHOD(actor_fixture, "who joins while its crashed room is rebuilt is refused and leaves no ghost",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.send(with_id(crash("chat.news"), 1));
  turn(); // the room is gone, and its supervisor has not heard of it
  bob.send(with_id(join("chat.news"), 2));
  settle();
  const auto got = bob.read();
  REQUIRE(got.size() == 1);
  CHECK(got[0]["code"] == "unavailable");
  advance(std::chrono::seconds{3}); // longer than it lingers
  CHECK(ann.ask({{"op", "presence"}, {"room", "chat.news"}})["count"] == 0);
  CHECK(bob.ask(join("chat.news"))["op"] == "ok");
}

TEST_CASE_METHOD(actor_fixture, "readers of a crashed room get through to a room that is flooded",
                 "[actors]") {
  bounds.commands_in_flight = 200;
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.news"));
  std::vector<client*> many;
  for (auto i = 0; i < 3; ++i)
    many.push_back(&connect_to(0));
  ann.send(with_id(crash("chat.news"), 1));
  turn();
  for (auto* m : many)
    for (auto i = 0; i < 40; ++i) { // more than the mailbox takes
      m->send(with_id(publish("chat.news", "flood"), i));
    }
  settle();
  ann.ask(publish("chat.news", "after"));
  const auto got = bob.events();
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == "after");
}

TEST_CASE_METHOD(actor_fixture, "a crash mixes up no wire formats", "[actors]") {
  auto& deflated = connect_to(0, broker::wire_format::websocket_deflate);
  auto& ann = connect_to(0);
  auto& cay = connect_to(0);
  deflated.ask(join("chat.news"));
  strings sent;
  const auto say = [&] {
    sent.push_back("number " + std::to_string(sent.size()));
    ann.ask(publish("chat.news", sent.back()));
  };
  for (auto i = 0; i < 10; ++i)
    say();
  ann.send(with_id(crash("chat.news"), 1));
  turn();
  // Somebody on the same loop is in the new room before those of the old one are.
  cay.send(with_id(join("chat.news"), 1));
  turn();
  sent.emplace_back("between");
  ann.send(with_id(publish("chat.news", sent.back()), 2));
  turn();
  settle();
  for (auto i = 0; i < 10; ++i)
    say();
  CHECK(deflated.events() == sent);
}

TEST_CASE_METHOD(actor_fixture,
                 "what was read of the log before a crash puts nobody on another format's tape", "[actors]") {
  auto& deflated = connect_to(0, broker::wire_format::websocket_deflate);
  auto& ann = connect_to(0);
  auto& cay = connect_to(0);
  deflated.ask(join("chat.news"));
  strings sent;
  std::mt19937 dice{7};
  const auto large = [&] { // does not get smaller
    std::string text(1500, ' ');
    for (auto& c : text)
      c = static_cast<char>('0' + dice() % 75);
    std::ranges::replace(text, '\\', '_');
    return text;
  };
  deflated.wire.room = 0;
  for (auto i = 0; i < 300; ++i)
    ann.ask(publish("chat.news", large()));
  bus->holds_reads = true;
  deflated.drain(SIZE_MAX); // asks the log for what the tape has no more
  ann.send(with_id(crash("chat.news"), 1));
  turn();
  cay.send(with_id(join("chat.news"), 1)); // and so its loop knows the new room before it has adopted anybody
  for (auto i = 0; i < 3; ++i)
    turn();
  bus->answer_reads();
  for (auto i = 0; i < 20; ++i)
    turn(); // it catches up
  for (auto i = 0; i < 3; ++i) {
    sent.push_back("number " + std::to_string(sent.size()));
    ann.send(with_id(publish("chat.news", sent.back()), 2 + i));
    turn();
  }
  turn_of(0);
  settle();
  for (auto i = 0; i < 3; ++i) {
    sent.push_back("number " + std::to_string(sent.size()));
    ann.ask(publish("chat.news", sent.back()));
  }
  advance(std::chrono::seconds{1});
  auto got = deflated.events();
  REQUIRE(got.size() == 300 + sent.size());
  got.erase(got.begin(), got.begin() + 300);
  CHECK(got == sent);
}
