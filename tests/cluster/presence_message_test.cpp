#include "broker/protocol.hpp"
#include "cluster/presence.capnp.h"
#include "cluster/presence_message.hpp"
#include "tests/cluster/newer_presence.capnp.h"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <random>

namespace hubbub::test {
namespace {

using namespace cluster;

part_message a_part() {
  part_message m;
  m.room = room("chat.1");
  m.number = 7;
  m.part.owner = 5;
  m.part.whole = true;
  m.part.count = 2;
  m.part.put = {{"ann", R"({"name":"Ann"})", R"("here")", 2}, {"bjørn", "", "", 1}};
  m.part.gone = {"cid"};
  return m;
}

/// What is read of `bytes`, which must be a message of that kind.
template <class T>
T read_as(std::string_view bytes) {
  return std::get<T>(std::get<presence_message>(read_presence(bytes)));
}

bool is_refused(const std::string& bytes) {
  const auto what = read_presence(bytes);
  const auto* why = std::get_if<presence_flaw>(&what);
  return why != nullptr && *why == presence_flaw::malformed;
}

template <class Root, class F>
std::string made(F fill) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<Root>());
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asChars();
  return {bytes.begin(), bytes.size()};
}

/// A part of one member, whose fields `fill` sets.
template <class F>
std::string with_member(F fill) {
  return made<wire::Presence>([&](wire::Presence::Builder root) {
    auto part = root.initPart();
    part.setOwner(1);
    part.setRoom("chat.1");
    auto one = part.initPut(1)[0];
    one.setUser("ann");
    fill(one);
  });
}

TEST_CASE("what nodes say of themselves and their people is read as it was written", "[cluster]") {
  const auto part = read_as<part_message>(write_presence(a_part()));
  CHECK(part.room == room("chat.1"));
  CHECK(part.number == 7);
  CHECK(part.last);
  CHECK(part.part.owner == 5);
  CHECK(part.part.whole);
  CHECK(part.part.listed);
  CHECK(part.part.count == 2);
  CHECK(part.part.put == a_part().part.put);
  CHECK(part.part.gone == a_part().part.gone);

  const auto beat =
      read_as<beat_message>(write_presence(beat_message{"one", 5, 6, 7, true, {{1, 2}, {3, 4}}}));
  CHECK(beat.node == "one");
  CHECK(beat.owner == 5);
  CHECK(beat.started_ms == 6);
  CHECK(beat.sequence == 7);
  CHECK(beat.draining);
  CHECK(beat.told == std::vector<told_room>{{1, 2}, {3, 4}});

  const auto ask = read_as<ask_message>(write_presence(ask_message{5, true, {{room("chat.1"), 9}}}));
  CHECK(ask.asker == 5);
  CHECK(ask.numbers_only);
  REQUIRE(ask.rooms.size() == 1);
  CHECK(ask.rooms[0].room == room("chat.1"));
  CHECK(ask.rooms[0].have == 9);

  CHECK(read_as<farewell_message>(write_presence(farewell_message{5})).owner == 5);
  const auto told = read_as<told_message>(write_presence(told_message{5, {{1, 2}}}));
  CHECK(told.owner == 5);
  CHECK(told.rooms == std::vector<told_room>{{1, 2}});
}

TEST_CASE("it is read from any address", "[cluster]") {
  const auto bytes = write_presence(a_part());
  std::string room_for_it(bytes.size() + 8, ' ');
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::memcpy(room_for_it.data() + shift, bytes.data(), bytes.size());
    const auto m = read_as<part_message>({room_for_it.data() + shift, bytes.size()});
    CHECK(m.part.put == a_part().part.put);
  }
}

TEST_CASE("a node reads what it knows of a newer one's message", "[cluster]") {
  namespace newer = newer_presence;
  const auto part = read_as<part_message>(made<newer::Presence>([](newer::Presence::Builder root) {
    root.initSignature(3);
    auto p = root.initPart();
    p.setOwner(5);
    p.setRoom("chat.1");
    p.setNumber(7);
    p.setListed(true);
    p.setCount(1);
    p.setExpectedUntilMs(99);
    auto one = p.initPut(1)[0];
    one.setUser("ann");
    one.setInfo("1");
    one.setConnections(3);
    one.setSinceMs(1);
  }));
  CHECK(part.number == 7);
  CHECK(part.part.put == std::vector<broker::member>{{"ann", "", "1", 3}});

  const auto beat = read_as<beat_message>(made<newer::Presence>([](newer::Presence::Builder root) {
    auto b = root.initBeat();
    b.setNode("one");
    b.setOwner(5);
    b.setZone("north");
    auto told = b.initTold(1);
    told[0].setRoom(1);
    told[0].setNumber(2);
    told[0].setChecksum(3);
  }));
  CHECK(beat.node == "one");
  CHECK(beat.told == std::vector<told_room>{{1, 2}});

  const auto is_newer = [](const std::string& bytes) {
    const auto what = read_presence(bytes);
    return std::get<presence_flaw>(what) == presence_flaw::newer;
  };
  CHECK(is_newer(made<newer::Presence>([](newer::Presence::Builder root) { root.setGossip("psst"); })));
  CHECK(is_newer(made<newer::Presence>([](newer::Presence::Builder root) {
    root.setNeeds(2);
    root.initFarewell().setOwner(1);
  })));
}

TEST_CASE("what nodes say of occupied rooms comes through, also from a newer node", "[cluster]") {
  occupancy_message said;
  said.owner = 5;
  said.view = 6;
  said.number = 7;
  said.found_again = 8;
  said.begin = said.settled = true;
  said.rooms = {{room("chat.1"), true, false, told_word::nothing},
                {room("chat.2"), false, true, told_word::unknown},
                {room("chat.3"), false, false, told_word::occupied},
                {room("chat.4"), false, false, told_word::vacated}};
  const auto read = read_as<occupancy_message>(write_presence(said));
  CHECK(read.owner == 5);
  CHECK(read.view == 6);
  CHECK(read.number == 7);
  CHECK(read.found_again == 8);
  CHECK((read.begin && read.settled && !read.complete));
  REQUIRE(read.rooms.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(read.rooms[i].room == said.rooms[i].room);
    CHECK(read.rooms[i].here == said.rooms[i].here);
    CHECK(read.rooms[i].changed == said.rooms[i].changed);
    CHECK(read.rooms[i].told == said.rooms[i].told);
  }
  const auto heard = read_as<occupancy_heard>(write_presence(occupancy_heard{5, 6, 7, true}));
  CHECK((heard.owner == 5 && heard.view == 6 && heard.number == 7 && heard.again));

  namespace newer = newer_presence;
  const auto of_newer = read_as<occupancy_message>(made<newer::Presence>([](newer::Presence::Builder root) {
    auto o = root.initOccupancy();
    o.setOwner(5);
    o.setZone("north");
    auto one = o.initRooms(1)[0];
    one.setRoom("chat.1");
    one.setTold(newer::ToldWord::CROWDED);
    one.setReaders(9);
  }));
  REQUIRE(of_newer.rooms.size() == 1);
  CHECK(of_newer.rooms[0].told == told_word::unknown);

  CHECK(is_refused(write_presence(occupancy_message{}))); // nobody's
  CHECK(is_refused(made<wire::Presence>([](wire::Presence::Builder root) {
    auto o = root.initOccupancy();
    o.setOwner(5);
    o.initRooms(1)[0].setRoom("chat\r\nPUB x");
  })));
}

TEST_CASE("a newer node reads an older one's message", "[cluster]") {
  const auto bytes = write_presence(a_part());
  std::vector<capnp::word> words(bytes.size() / sizeof(capnp::word));
  std::memcpy(static_cast<void*>(words.data()), bytes.data(), bytes.size());
  capnp::FlatArrayMessageReader reader{kj::arrayPtr(words.data(), words.size())};
  const auto part = reader.getRoot<newer_presence::Presence>().getPart();
  CHECK(part.getNumber() == 7);
  CHECK(part.getPut()[0].getSinceMs() == 0);
}

TEST_CASE("what would break clients' frames is no member", "[cluster]") {
  using member = wire::Member::Builder;
  CHECK_FALSE(is_refused(with_member([](member m) { m.setInfo("{\"a\": [1, 2]}"); })));
  CHECK(is_refused(with_member([](member m) { m.setInfo("{"); })));
  CHECK(is_refused(with_member([](member m) { m.setInfo("1,2"); })));
  CHECK(is_refused(with_member([](member m) { m.setInfo("[1,\n2]"); })));
  CHECK(is_refused(with_member([](member m) { m.setInfo("\"\xff\""); })));
  CHECK(is_refused(with_member([](member m) { m.setUserInfo("{}}"); })));
  CHECK(is_refused(with_member([](member m) { m.setUserInfo(std::string(most_info_bytes + 1, '1')); })));
  CHECK(is_refused(with_member([](member m) { m.setUser(""); })));
  CHECK(is_refused(with_member([](member m) { m.setUser("\xc0\x80"); })));
  CHECK(is_refused(with_member([](member m) { m.setUser(std::string(most_name_bytes + 1, 'a')); })));
}

TEST_CASE("what cannot be said is refused", "[cluster]") {
  using root = wire::Presence::Builder;
  const auto refused = [](auto fill) { return is_refused(made<wire::Presence>(fill)); };
  CHECK(refused([](root r) { r.initFarewell(); }));
  CHECK(refused([](root r) { r.initBeat().setNode("one"); }));
  CHECK(refused([](root r) { r.initBeat().setOwner(1); }));
  CHECK(refused([](root r) { r.initBeat(); }));
  CHECK(refused([](root r) { r.initPart().setOwner(1); }));
  CHECK(refused([](root r) {
    auto p = r.initPart();
    p.setOwner(1);
    p.setRoom("chat.*");
  }));
  CHECK(refused([](root r) {
    auto p = r.initPart();
    p.setOwner(1);
    p.setRoom("chat.1\r\nPUB x 0");
  }));
  CHECK(refused([](root r) { r.initAsk().initRooms(1)[0].setRoom("chat.1"); }));
  CHECK(refused([](root r) {
    auto a = r.initAsk();
    a.setAsker(1);
    a.initRooms(1)[0].setRoom("no room");
  }));
  CHECK(refused([](root r) {
    auto a = r.initAsk();
    a.setAsker(1);
    auto rooms = a.initRooms(static_cast<unsigned>(most_asked_rooms) + 1);
    for (auto room : rooms)
      room.setRoom("chat.1");
  }));
}

TEST_CASE("a list of nothing that claims any length is not walked", "[cluster]") {
  // A list of a void type takes no bytes, however long it is.
  auto bytes = made<wire::Presence>([](wire::Presence::Builder root) {
    auto p = root.initPart();
    p.setOwner(1);
    p.setRoom("chat.1");
    p.initPut(1)[0].setUser("ann");
  });
  // Each word of the message in turn becomes a pointer to 500 million elements of no size.
  const std::uint64_t long_list = 1 | (std::uint64_t{0x1fffffff} << 35);
  for (std::size_t at = 8; at + 8 <= bytes.size(); at += 8) {
    auto broken = bytes;
    std::memcpy(broken.data() + at, &long_list, sizeof long_list);
    static_cast<void>(read_presence(broken));
  }
  SUCCEED("and it took no time");
}

TEST_CASE("truncated and damaged messages are refused, or say what could be", "[cluster]") {
  std::vector<std::string> good{
      write_presence(a_part()), write_presence(beat_message{"one", 5, 6, 7, true, {{1, 2}, {3, 4}}}),
      write_presence(ask_message{5, true, {{room("chat.1"), 9}}}), write_presence(told_message{5, {{1, 2}}}),
      write_presence(farewell_message{5})};
  const auto check = [](const std::string& bytes) {
    const auto what = read_presence(bytes);
    const auto* m = std::get_if<presence_message>(&what);
    const auto* part = m == nullptr ? nullptr : std::get_if<part_message>(m);
    if (part == nullptr)
      return;
    for (const auto& one : part->part.put)
      if (!one.info.empty() && !broker::protocol::is_json(one.info))
        FAIL("no JSON came through");
  };
  for (const auto& bytes : good) {
    for (std::size_t n = 0; n < bytes.size(); ++n)
      check(bytes.substr(0, n));
    CHECK(is_refused(bytes.substr(0, bytes.size() - 8)));
    CHECK(is_refused(bytes + "1"));
  }
  std::mt19937 random{20'260'101};
  for (std::uint32_t i = 0; i < tests::seeds(20'000); ++i) {
    auto bytes = good[random() % good.size()];
    for (auto n = random() % 4; n < 4; ++n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    check(bytes);
  }
}

} // namespace
} // namespace hubbub::test
