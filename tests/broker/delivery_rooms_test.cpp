#include "broker/delivery.hpp"
#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"

#include <string>
#include <vector>

using namespace hubbub::broker;
using hubbub::tests::fake_connection;
using strings = std::vector<std::string>;

namespace {

struct empty_log final : log_reader {
  void pull(reader&) override { FAIL("everything is on the tape"); }
};

/// A connection in two rooms, on the tapes from their beginning on.
struct rooms_fixture {
  rooms_fixture() {
    to.wire = &wire;
    to.session = {7};
    for (auto& r : readers)
      r.to = &to;
    first.add(readers[0], {}, shown[0]->serial());
    second.add(readers[1], {}, shown[1]->serial());
  }
  void say(std::size_t room, const std::string& text, bool kept_from_it = false) {
    std::string frame;
    append_text_frame(frame, text);
    frame_info i;
    i.offset = ++offset;
    if (kept_from_it)
      i.excluded = to.session;
    shown[room]->writable(wire_format::websocket)->append(frame, i);
  }
  /// Both rooms have news in one turn.
  void turn() {
    std::vector<recipient*> marked;
    first.begin_round();
    second.begin_round();
    outgoing.walk(first, false, marked);
    outgoing.walk(second, false, marked);
    outgoing.send_marked(marked);
  }
  static feed_ptr make(const char* name, tape_budget& budget) {
    static const policy rules;
    return std::make_shared<feed>(*room_name::parse(name), rules, 1, budget, 0);
  }

  tape_budget budget;
  feed_ptr shown[2] = {make("chat.one", budget), make("chat.two", budget)};
  fake_connection wire;
  recipient to;
  reader readers[2];
  audience first{shown[0], 0}, second{shown[1], 0};
  empty_log log;
  delivery outgoing{log};
  std::uint64_t offset = 0;
};

} // namespace

TEST_CASE_METHOD(rooms_fixture, "what two rooms say in a turn leaves in one write", "[delivery]") {
  say(0, "a");
  say(1, "b");
  say(0, "c");
  turn();
  CHECK(wire.messages() == strings{"a", "c", "b"});
  CHECK(wire.writes == 1);
}

TEST_CASE_METHOD(rooms_fixture,
                 "of two rooms that are full of holes for a reader it gets all that is not its own",
                 "[delivery]") {
  strings expected[2];
  for (auto n = 0; n < 100; ++n) // more pieces than one write takes
    for (std::size_t room = 0; room < 2; ++room) {
      expected[room].push_back(std::to_string(n) + (room == 0 ? " in one" : " in two"));
      say(room, expected[room].back());
      say(room, "its own", true);
    }
  turn();
  turn();
  strings got[2];
  for (const auto& m : wire.messages())
    got[m.ends_with("two")].push_back(m);
  CHECK(got[0] == expected[0]);
  CHECK(got[1] == expected[1]);
}
