#include "broker/delivery.hpp"

#include "broker/wire_frame.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/swallowing_connection.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace hubbub::broker;
using hubbub::tests::allocations;
using hubbub::tests::swallowing_connection;

#if HUBBUB_HAS_ALLOCATIONS

namespace {

struct no_log final : log_reader {
  void pull(reader&) override { FAIL("nobody is behind"); }
};

} // namespace

TEST_CASE("delivering to a thousand readers allocates nothing", "[delivery]") {
  policy rules;
  tape_budget budget;
  auto from = std::make_shared<feed>(*room_name::parse("chat.many"), rules, 1, budget, 0);
  audience all{from, 0};
  no_log log;
  delivery send{log};
  std::vector<recipient*> marked;
  struct one {
    swallowing_connection wire;
    recipient to;
    reader r;
  };
  std::vector<std::unique_ptr<one>> readers;
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    auto& o = *readers.emplace_back(std::make_unique<one>());
    o.to.wire = &o.wire;
    o.to.session = {i};
    o.r.to = &o.to;
    all.add(o.r, {0, 0}, all.from().serial());
  }
  std::string frame;
  append_text_frame(frame, std::string(128, 'x'));
  const auto publish = [&](std::uint64_t offset) {
    frame_info info;
    info.offset = offset;
    from->writable(wire_format::websocket)->append(frame, info);
  };
  for (std::uint64_t o = 1; o <= 16; ++o)
    publish(o);
  send.walk(all, true, marked); // the scratch grows to its size

  std::uint64_t offset = 16;
  for (auto round = 0; round < 20; ++round) {
    for (auto i = 0; i < 16; ++i)
      publish(++offset);
    const auto before = allocations();
    all.begin_round();
    send.walk(all, true, marked);
    CHECK(allocations() - before == 0);
  }
  for (const auto& o : readers)
    CHECK(o->wire.taken == frame.size() * offset);
}

TEST_CASE("delivering to readers of two rooms with news in one turn allocates nothing", "[delivery]") {
  policy rules;
  tape_budget budget;
  const auto make = [&](const char* name) {
    return std::make_shared<feed>(*room_name::parse(name), rules, 1, budget, 0);
  };
  const feed_ptr rooms[2] = {make("chat.one"), make("chat.two")};
  audience first{rooms[0], 0}, second{rooms[1], 0};
  no_log log;
  delivery send{log};
  std::vector<recipient*> marked;
  struct one {
    swallowing_connection wire;
    recipient to;
    reader in[2];
  };
  std::vector<std::unique_ptr<one>> readers;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    auto& o = *readers.emplace_back(std::make_unique<one>());
    o.to.wire = &o.wire;
    o.to.session = {i};
    o.to.rooms = 2;
    o.in[0].to = o.in[1].to = &o.to;
    first.add(o.in[0], {0, 0}, first.from().serial());
    second.add(o.in[1], {0, 0}, second.from().serial());
  }
  std::string frame;
  append_text_frame(frame, std::string(128, 'x'));
  std::uint64_t offset = 0;
  const auto turn = [&] {
    frame_info info;
    info.offset = ++offset;
    for (const auto& room : rooms)
      room->writable(wire_format::websocket)->append(frame, info);
    const auto before = allocations();
    first.begin_round();
    second.begin_round();
    send.walk(first, false, marked);
    send.walk(second, false, marked);
    send.send_marked(marked);
    return allocations() - before;
  };
  turn(), turn(); // the scratch grows to its size
  for (auto i = 0; i < 20; ++i)
    CHECK(turn() == 0);
  for (const auto& o : readers)
    CHECK(o->wire.taken == 2 * frame.size() * offset);
}

#endif
