#include "tests/actors/actor_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;
using strings = std::vector<std::string>;

TEST_CASE_METHOD(actor_fixture, "what a room with `batch` says waits, and leaves in one write",
                 "[actors][batch]") {
  auto& speaker = connect();
  auto& listener = connect();
  REQUIRE(listener.ask(join("together.1"))["op"] == "ok");
  strings said;
  for (const auto* text : {"one", "two", "three"}) {
    said.emplace_back(text);
    REQUIRE(speaker.ask(publish("together.1", text))["op"] == "ok");
  }
  const auto before = listener.wire.writes;
  CHECK(listener.events().empty());
  advance(std::chrono::milliseconds{1000});
  CHECK(listener.events() == said);
  CHECK(listener.wire.writes == before + 1);
}

TEST_CASE_METHOD(actor_fixture, "nobody who reads is overtaken because a room waits to say more at once",
                 "[actors][batch]") {
  auto& speaker = connect();
  std::vector<client*> listeners;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    listeners.push_back(&connect());
    REQUIRE(listeners.back()->ask(join("together.1"))["op"] == "ok");
  }
  strings said;
  for (auto i = 0; i < 100; ++i) { // several times the tape
    said.push_back(std::to_string(i) + std::string(200, 'x'));
    REQUIRE(speaker.ask(publish("together.1", said.back()))["op"] == "ok");
  }
  advance(std::chrono::milliseconds{2000});
  for (auto* one : listeners)
    CHECK(one->events() == said);
}
