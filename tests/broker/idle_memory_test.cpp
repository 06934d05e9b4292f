#include "broker/audience.hpp"
#include "broker/room.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/swallowing_connection.hpp"

#include <iostream>
#include <malloc.h>
#include <memory>
#include <string>
#include <vector>

using namespace hubbub::broker;

/// What a node takes for rooms that are joined and in which nothing happens: it may have very many.
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// What a room and its one reader need to be there for one another, by room.
double bytes_each(const policy& rules) {
  constexpr auto rooms = 10'000;
  struct joined_one {
    joined_one(const std::string& name, const policy& how, tape_budget& budget, recipient& to)
        : readers{std::make_shared<feed>(*room_name::parse(name), how, 1, budget, 0), 0} {
      who.to = &to;
      readers.from().writable(wire_format::websocket)->expect(to.session);
      readers.add(who, {0, 0}, readers.from().serial());
    }
    reader who;
    audience readers;
  };
  tape_budget budget;
  hubbub::tests::swallowing_connection wire;
  recipient to{&wire, {1}};
  std::vector<std::unique_ptr<joined_one>> all;
  all.reserve(rooms);
  const auto used = [] { return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd); };
  const auto before = used();
  for (auto i = 0; i < rooms; ++i)
    all.push_back(std::make_unique<joined_one>("chat.room." + std::to_string(i), rules, budget, to));
  const auto each = (used() - before) / rooms;
  CHECK(budget.used() == 0);
  return each;
}
#endif

} // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a joined room in which nothing happens costs half a kilobyte, its reader included", "[memory]") {
  policy retained;
  policy live;
  live.kind = room_kind::live;
  live.when_overtaken = overflow::conflate;
  const auto of_retained = bytes_each(retained), of_live = bytes_each(live);
  std::cout << "bytes a joined room: " << of_retained << " retained, " << of_live << " live; the room itself "
            << sizeof(hubbub::broker::room) << '\n';
  CHECK(of_retained <= 576);
  CHECK(of_live <= 576);
}
#endif

TEST_CASE("a room for whom nobody waits holds no place for those who do", "[memory]") {
  CHECK(sizeof(hubbub::broker::room) <= 256);
}
