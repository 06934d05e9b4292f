#include "broker/delivery.hpp"

#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

using namespace hubbub::broker;
using hubbub::tests::fake_connection;
using strings = std::vector<std::string>;

namespace {

struct no_pulls final : log_reader {
  void pull(reader&) override {}
};

/// A room that is visited a few readers at a time.
struct rounds_fixture {
  struct one {
    fake_connection wire;
    recipient to;
    reader r;
  };

  /// `last`: what the last of them has negotiated.
  explicit rounds_fixture(wire_format last = wire_format::websocket) {
    if (last != wire_format::websocket)
      shown->add(last, budget, 0);
    for (auto& o : all) {
      o = std::make_unique<one>();
      if (&o == &all.back())
        o->to.format = last;
      o->to.wire = &o->wire;
      o->r.to = &o->to;
      readers.add(o->r, {}, shown->serial());
    }
    go_on(SIZE_MAX);
  }
  void say(const std::string& text) {
    std::string frame;
    append_text_frame(frame, text);
    frame_info i;
    i.offset = ++offset;
    for (auto format : {wire_format::websocket, wire_format::websocket_deflate})
      if (auto* tape = shown->writable(format))
        tape->append(frame, i);
    readers.begin_round();
  }
  bool go_on(std::size_t most) {
    std::vector<recipient*> marked;
    return outgoing.walk(readers, true, marked, most);
  }

  tape_budget budget;
  policy rules;
  feed_ptr shown = std::make_shared<feed>(*room_name::parse("chat.one"), rules, 1, budget, 0);
  audience readers{shown, 0};
  std::array<std::unique_ptr<one>, 4> all;
  no_pulls log;
  delivery outgoing{log};
  std::uint64_t offset = 0;
};

} // namespace

TEST_CASE_METHOD(rounds_fixture,
                 "what is said during a walk reaches those ahead in the same write, and then the others",
                 "[delivery]") {
  say("a");
  CHECK_FALSE(go_on(1));
  CHECK(all[0]->wire.writes == 1);
  CHECK(all[1]->wire.writes == 0);
  say("b");
  CHECK(go_on(4));
  for (const auto& o : all)
    CHECK(o->wire.messages() == strings{"a", "b"});
  CHECK(all[0]->wire.writes == 2);
  CHECK(all[1]->wire.writes == 1);
  CHECK(all[3]->wire.writes == 1);
}

TEST_CASE_METHOD(rounds_fixture, "nobody is left out of a walk because another leaves during it",
                 "[delivery]") {
  say("a");
  CHECK_FALSE(go_on(2));
  readers.remove(all[0]->r); // the last one, who has had nothing yet, takes a seat that was visited
  CHECK(go_on(3));
  CHECK(all[3]->wire.messages() == strings{"a"});
  CHECK(all[2]->wire.messages() == strings{"a"});
  CHECK(all[1]->wire.writes == 1);
}

TEST_CASE_METHOD(rounds_fixture, "a socket that is full takes no other's place in a walk", "[delivery]") {
  all[0]->wire.room = 0;
  all[1]->wire.room = 0;
  say("a");
  CHECK(go_on(5));
  say("b");
  CHECK_FALSE(go_on(1));
  CHECK(go_on(2));
  CHECK(all[2]->wire.messages() == strings{"a", "b"});
  CHECK(all[3]->wire.messages() == strings{"a", "b"});
}

TEST_CASE("whoever has compression has its turn though there is always something new", "[delivery]") {
  rounds_fixture room{wire_format::websocket_deflate};
  for (auto i = 0; i < 12; ++i) {
    room.say("a");
    room.go_on(1);
  }
  for (const auto& o : room.all)
    CHECK(o->wire.writes == 3);
}

TEST_CASE("presence is shown to some at a time, and to everybody", "[delivery]") {
  rounds_fixture room;
  std::vector<recipient*> marked;
  const auto ask_for_presence = [&](std::size_t i) {
    room.readers.remove(room.all[i]->r);
    room.all[i]->r.wants_presence = true;
    room.readers.add(room.all[i]->r, {}, room.shown->serial());
  };
  CHECK_FALSE(room.readers.begin_presence()); // nobody asked
  for (std::size_t i = 0; i < 3; ++i)
    ask_for_presence(i);

  CHECK(room.readers.begin_presence());
  CHECK(room.readers.next_presence(2).size() == 2);
  CHECK_FALSE(room.readers.begin_presence()); // anew, from where it is
  std::vector<reader*> shown_to;
  while (room.readers.presence_left() > 0)
    for (auto* r : room.readers.next_presence(2))
      shown_to.push_back(r);
  CHECK(shown_to == std::vector{&room.all[2]->r, &room.all[0]->r, &room.all[1]->r});

  SECTION("whoever comes meanwhile is shown it, too") {
    CHECK(room.readers.begin_presence());
    CHECK_FALSE(room.readers.next_presence(2).empty());
    ask_for_presence(3);
    CHECK(room.readers.presence_left() == 4);
  }
  SECTION("nobody is left out because another goes") {
    CHECK(room.readers.begin_presence());
    CHECK(room.readers.next_presence(1).size() == 1);
    room.readers.remove(room.all[2]->r);
    CHECK(room.readers.presence_left() == 2);
  }
}
