#include "tests/actors/actor_fixture.hpp"

#include <algorithm>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// One loop, and a room that has more readers than it visits in a turn.
struct large_room_fixture : actor_fixture {
  large_room_fixture() : actor_fixture{1} {
    for (auto& r : readers) {
      r = &connect();
      REQUIRE(r->ask(join("chat.large"))["op"] == "ok");
    }
    speaker.ask(join("chat.small"));
  }
  /// How many of them have had so many events of the large room, or more.
  std::size_t have_had(std::size_t events) {
    return static_cast<std::size_t>(std::count_if(readers.begin(), readers.end(), [&](auto* r) {
      auto n = std::size_t{0};
      for (std::size_t at = 0; (at = r->wire.out.find("\"op\":\"event\"", at)) != std::string::npos; ++at)
        ++n;
      return n >= events;
    }));
  }

  void say(const std::string& room, const std::string& text) {
    auto command = publish(room, text);
    command["id"] = ++said;
    speaker.send(command);
    turn_of(0);
  }

  client& speaker = connect();
  int said = 0;
  std::array<client*, 300> readers{};
};

} // namespace

TEST_CASE_METHOD(large_room_fixture, "while a large room's readers are visited the loop serves the others",
                 "[actors]") {
  say("chat.large", "one");
  const auto first = have_had(1);
  CHECK(first > 0);
  CHECK(first < readers.size());

  speaker.read();
  say("chat.small", "between");
  CHECK(speaker.events() == std::vector<std::string>{"between"});
  CHECK(have_had(1) < readers.size());

  settle();
  CHECK(have_had(1) == readers.size());
}

TEST_CASE_METHOD(large_room_fixture,
                 "an event that comes while a large room is visited reaches everybody once, in order",
                 "[actors]") {
  for (const auto* text : {"one", "two", "three"})
    say("chat.large", text);
  CHECK(have_had(3) > 0);
  settle();
  for (auto* r : readers)
    CHECK(r->events() == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE_METHOD(large_room_fixture,
                 "how long a large room's readers wait for their turns counts as the loop's lag",
                 "[actors]") {
  for (const auto* text : {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}) {
    say("chat.large", text); // there is always something new, so that no walk comes to an end
    time.advance(std::chrono::milliseconds{10});
  }
  // An eighth of them at a time, and the last few.
  CHECK(loops[0]->longest_wait == std::chrono::milliseconds{80});
}
