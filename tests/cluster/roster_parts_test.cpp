#include "cluster/heard_parts.hpp"
#include "cluster/part_pieces.hpp"
#include "cluster/roster_asks.hpp"
#include "cluster/told_rooms.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

namespace hubbub::test {
namespace {

using namespace cluster;
using namespace std::chrono_literals;

constexpr broker::owner_id two = 2;

part_message part(std::uint64_t number, bool whole, std::uint32_t count = 1) {
  part_message m;
  m.room = room("chat.1");
  m.number = number;
  m.part.owner = two;
  m.part.whole = whole;
  m.part.count = count;
  return m;
}

part_message piece(std::uint64_t number, std::uint32_t index, bool last, const std::string& user) {
  auto m = part(number, true, 9);
  m.piece = index;
  m.last = last;
  m.part.put = {{user, "", "", 1}};
  return m;
}

struct listening {
  heard_parts heard;
  std::size_t bytes = 0;
  /// `told`, `behind`, both or neither.
  std::string hear(part_message m) {
    const auto o = heard.hear(std::move(m), bytes, 1'000);
    return std::string{o.tell ? "told" : ""} + (o.behind ? "behind" : "");
  }
};

TEST_CASE_METHOD(listening, "parts follow each other, and a whole one stands for itself", "[cluster]") {
  CHECK(hear(part(5, false)) == "behind"); // of what?
  CHECK(hear(part(7, true)) == "told");
  CHECK(hear(part(8, false)) == "told");
  CHECK(hear(part(8, false)).empty());
  CHECK(hear(part(7, true)).empty());
  CHECK(hear(part(10, false)) == "behind");
  CHECK(hear(part(11, false)) == "behind");
  CHECK(heard.is_behind(two));
  CHECK(hear(part(11, true)) == "told");
  CHECK(hear(part(12, false)) == "told");
  CHECK(heard.have(two) == 12);
}

TEST_CASE_METHOD(listening, "a lost last part is noticed by its number", "[cluster]") {
  CHECK(heard.hear(two, 3));
  CHECK(hear(part(3, true)) == "told");
  CHECK_FALSE(heard.hear(two, 3));
  CHECK(heard.hear(two, 4));
  heard.agree(two);
  CHECK_FALSE(heard.is_behind(two));
}

TEST_CASE_METHOD(listening, "a number that nobody told does not make a room deaf", "[cluster]") {
  CHECK(hear(part(3, true)) == "told");
  CHECK(hear(part(UINT64_MAX, false)) == "behind");
  CHECK(hear(part(4, true)) == "told"); // the answer
  CHECK_FALSE(heard.is_behind(two));
  CHECK(hear(part(UINT64_MAX, true)) == "told");
  CHECK(hear(part(5, false)).empty());
  CHECK(heard.hear(two, 5)); // its beat
  CHECK(hear(part(5, true)) == "told");
}

TEST_CASE_METHOD(listening, "that nobody is there is no news for who knew of nobody", "[cluster]") {
  CHECK(hear(part(3, true, 0)).empty());
  CHECK_FALSE(heard.forget(two, bytes));
  CHECK(hear(part(3, true, 1)) == "told");
  CHECK(hear(part(4, true, 0)) == "told");
  CHECK_FALSE(heard.forget(two, bytes));
  CHECK(hear(part(5, true, 1)) == "told");
  CHECK(heard.forget(two, bytes));
}

TEST_CASE_METHOD(listening, "pieces are one part, or none", "[cluster]") {
  CHECK(hear(piece(3, 0, false, "ann")).empty());
  CHECK(hear(piece(3, 1, false, "bob")).empty());
  CHECK(bytes > 0);
  const auto o = heard.hear(piece(3, 2, true, "cid"), bytes, 1'000);
  REQUIRE(o.tell);
  CHECK(o.tell->put.size() == 3);
  CHECK(bytes == 0);

  CHECK(hear(piece(5, 0, false, "ann")).empty()); // a whole one needs nothing before it
}

TEST_CASE_METHOD(listening, "a lost piece is a lost part", "[cluster]") {
  static_cast<void>(hear(piece(3, 0, false, "ann")));
  CHECK(hear(piece(3, 2, true, "cid")) == "behind");
  CHECK(bytes == 0);
  static_cast<void>(hear(piece(4, 0, false, "ann")));
  CHECK(hear(piece(5, 1, true, "bob")) == "behind");
  CHECK(hear(piece(6, 1, true, "bob")) == "behind");
  CHECK(bytes == 0);
}

TEST_CASE_METHOD(listening, "pieces of all rooms together are bounded", "[cluster]") {
  CHECK(hear(piece(3, 0, false, std::string(900, 'a'))).empty());
  CHECK(hear(piece(3, 1, false, std::string(900, 'b'))) == "behind");
  CHECK(bytes == 0);
  static_cast<void>(hear(piece(4, 0, false, "ann")));
  heard.clear(bytes);
  CHECK(bytes == 0);
}

TEST_CASE("a large part goes in pieces, a small one does not", "[cluster]") {
  auto whole = part(3, true, 100);
  for (auto i = 0; i < 100; ++i)
    whole.part.put.push_back({"user" + std::to_string(i), "", "1", 1});
  whole.part.gone = {"zoe"};
  whole.part.put.push_back({"", "", "", 1}); // no other node would take it
  CHECK(split(whole, 1 << 20).size() == 1);
  const auto all = split(whole, 1'000);
  CHECK(all.size() > 5);
  heard_parts heard;
  std::size_t bytes = 0;
  for (const auto& m : all) {
    CHECK(bytes_of(m.part) <= 1'000);
    auto o = heard.hear(part_message{m}, bytes, 1 << 20);
    if (!m.last)
      continue;
    REQUIRE(o.tell);
    CHECK(o.tell->put.size() == 100);
    CHECK(o.tell->gone == whole.part.gone);
    CHECK(o.tell->count == 100);
  }
}

TEST_CASE("a room is named in as many beats as were asked for, and new ones go first", "[cluster]") {
  told_rooms told{2};
  told.note_again(1, 10);
  told.note_again(2, 20);
  told.note(3, 30);
  CHECK(told.next(2) == std::vector<told_room>{{3, 30}, {1, 10}});
  told.note(1, 11);
  CHECK(told.next(2) == std::vector<told_room>{{2, 20}, {3, 30}});
  CHECK(told.next(9) == std::vector<told_room>{{1, 11}, {2, 20}});
  CHECK(told.next(9) == std::vector<told_room>{{1, 11}});
  CHECK(told.next(9).empty());
  CHECK(told.size() == 0);
}

TEST_CASE("rooms that cannot be named are bounded", "[cluster]") {
  told_rooms told{2, 3};
  for (room_key key = 1; key < 9; ++key)
    told.note(key, 10 * key);
  CHECK(told.size() == 3);
  CHECK(told.next(9) == std::vector<told_room>{{8, 80}, {7, 70}, {6, 60}});
}

TEST_CASE("asks go many in one and so many a second", "[cluster]") {
  broker::manual_clock time;
  roster_asks asks{1'000};
  const auto sizes = [&] {
    std::vector<std::size_t> all;
    for (const auto& b : asks.next(time.now()))
      all.push_back(b.rooms.size());
    return all;
  };
  std::deque<broker::room_name> many;
  for (auto i = 0; i < 500; ++i)
    many.push_back(room("chat." + std::to_string(i)));
  asks.add_all(two, many);
  asks.add(3, room("chat.1"));
  CHECK(sizes() == std::vector<std::size_t>{100});
  CHECK(sizes().empty());
  time.advance(50ms);
  CHECK(sizes() == std::vector<std::size_t>{50});
  time.advance(1h);
  CHECK(sizes() == std::vector<std::size_t>{100});
  asks.forget(two);
  time.advance(10ms);
  CHECK(sizes() == std::vector<std::size_t>{1});
  asks.add_again({two, {room("chat.1")}}, time.now() + 10ms);
  CHECK(sizes().empty());
  time.advance(10ms);
  CHECK(sizes() == std::vector<std::size_t>{1});
}

} // namespace
} // namespace hubbub::test
