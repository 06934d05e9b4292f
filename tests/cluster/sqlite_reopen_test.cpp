#include "cluster/sqlite_db.hpp"
#include "tests/cluster/bus_kit.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>

namespace hubbub::test {
namespace {

using namespace std::chrono_literals;
using sync_mode = cluster::embedded_options::sync_mode;

void alter(const embedded_kit& kit, const char* sql) {
  auto db = cluster::database::open(kit.dir() + "/hubbub.db");
  REQUIRE(db.has_value());
  REQUIRE(db->run(sql) == SQLITE_OK);
}
std::int64_t count(const embedded_kit& kit, const char* sql) {
  auto db = cluster::database::open(kit.dir() + "/hubbub.db");
  std::int64_t answer = -1;
  REQUIRE(db.has_value());
  REQUIRE(db->ask(sql, answer) == SQLITE_OK);
  return answer;
}

TEST_CASE("what the log makes can be read by its owner alone", "[sqlite]") {
  namespace fs = std::filesystem;
  const temp_dir parent;
  const auto mode = [](const fs::path& of) { return static_cast<int>(fs::status(of).permissions()); };
  const auto before = ::umask(022);
  {
    const broker::system_clock time;
    auto bus = cluster::open_embedded_bus({parent / "new/data", sync_mode::full}, broker::namespaces{}, time);
    REQUIRE(bus.has_value());
    room_double chat{**bus, "chat.1"};
    chat.keep("a");
    CHECK(mode(parent / "new/data") == 0700);
    auto files = 0;
    for (const auto& file : fs::directory_iterator{parent / "new/data"}) {
      INFO(file.path());
      CHECK(mode(file.path()) == 0600);
      ++files;
    }
    CHECK(files == 4); // the lock, the database, its write-ahead log, and the index of that
  }
  // What is there already stays as it is.
  fs::permissions(parent / "new/data", fs::perms{0750});
  fs::permissions(parent / "new/data/hubbub.db", fs::perms{0640});
  const broker::system_clock time;
  const auto again =
      cluster::open_embedded_bus({parent / "new/data", sync_mode::full}, broker::namespaces{}, time);
  CHECK(again.has_value());
  CHECK(mode(parent / "new/data") == 0750);
  CHECK(mode(parent / "new/data/hubbub.db") == 0640);
  ::umask(before);
}

TEST_CASE("events, positions, epoch, trims and ids outlast the process", "[sqlite]") {
  embedded_kit kit{true, GENERATE(sync_mode::full, sync_mode::normal)};
  broker::policy rules;
  rules.history_size = 3;
  const broker::namespaces spaces{rules};
  offsets at;
  std::string epoch;
  {
    auto bus = kit.open(spaces);
    room_double chat{*bus, "chat.1"};
    epoch = chat.seen().ready().epoch;
    for (const auto* data : {"a", "b", "c", "d"})
      at.push_back(chat.keep(data));
    auto e = chat.event("e");
    e.event_id = "e";
    at.push_back(chat.publish(e).what.position.offset);
  }
  auto bus = kit.open(spaces);
  const auto r = read(*bus, after("chat.1", 0));
  CHECK(r.head == broker::stream_position{epoch, at[4]});
  CHECK(offsets_of(r.events) == offsets{at[2], at[3], at[4]});
  CHECK_FALSE(read(*bus, after("chat.1", at[0])).complete);
  CHECK(read(*bus, after("chat.1", at[1])).complete);

  room_double chat{*bus, "chat.1"};
  CHECK(chat.seen().ready() == r.head);
  auto e = chat.event("e");
  e.event_id = "e";
  CHECK(chat.publish(e).what.duplicate);
  CHECK(chat.keep("f") > at[4]);
  CHECK(chat.seen().events().front()->previous == at[4]);
  kit.advance(2min);
  CHECK_FALSE(chat.publish(e).what.duplicate);
}

TEST_CASE("after a crash of the machine without full sync the epoch is a new one", "[sqlite]") {
  const auto mode = GENERATE(sync_mode::full, sync_mode::normal);
  const auto same_boot = GENERATE(true, false);
  const auto stopped_in_order = GENERATE(true, false);
  embedded_kit kit{true, mode};
  std::string epoch;
  {
    auto bus = kit.open(broker::namespaces{});
    room_double chat{*bus, "chat.1"};
    chat.keep("a");
    epoch = chat.seen().ready().epoch;
  }
  if (!same_boot)
    alter(kit, "UPDATE meta SET value = 'another start of the machine' WHERE name = 'boot'");
  if (!stopped_in_order)
    alter(kit, "UPDATE meta SET value = '1' WHERE name = 'in_use'");
  auto bus = kit.open(broker::namespaces{});
  const auto set_back = mode == sync_mode::normal && !same_boot && !stopped_in_order;
  CHECK((read(*bus, after("chat.1", 0)).head.epoch == epoch) == !set_back);
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a"});
}

TEST_CASE("an offset that may have been seen is not given out again", "[sqlite]") {
  // As after a power failure that took the newest events: what was reserved is skipped.
  embedded_kit kit{true, sync_mode::normal};
  std::uint64_t last = 0;
  {
    auto bus = kit.open(broker::namespaces{});
    room_double chat{*bus, "chat.1"};
    for (auto i = 0; i < 10; ++i)
      last = chat.keep("a");
  }
  alter(kit, "DELETE FROM events; UPDATE rooms SET head = 0, held = 0, oldest = 0");
  auto bus = kit.open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  CHECK(chat.keep("b") > last);
}

TEST_CASE("the file is given back what is over, rooms of no interest too", "[sqlite][slow]") {
  embedded_kit kit{true, sync_mode::normal};
  broker::policy rules;
  rules.history_age = 1min;
  auto bus = kit.open(broker::namespaces{rules});
  room_double wanted{*bus, "chat.wanted"};
  auto e = wanted.event("a");
  e.event_id = "a";
  wanted.publish(e);
  for (auto i = 0; i < 20; ++i)
    room_double{*bus, "chat." + std::to_string(i)}.keep("a");
  kit.advance(3min);
  REQUIRE(eventually(
      [&] { return count(kit, "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM seen)") == 0; }));
  CHECK(count(kit, "SELECT count(*) FROM rooms WHERE trimmed = head AND held = 0") == 21);
  // What the writer knows of the room agrees with the file.
  const auto b = wanted.keep("b");
  CHECK(offsets_of(read(*bus, after("chat.wanted", 0)).events) == offsets{b});
  CHECK(count(kit, "SELECT held FROM rooms WHERE name = 'chat.wanted'") == 1);
}

TEST_CASE("a smaller history takes effect on what is in the file", "[sqlite]") {
  embedded_kit kit{true, sync_mode::normal};
  {
    auto bus = kit.open(broker::namespaces{});
    room_double chat{*bus, "chat.1"};
    for (const auto* data : {"a", "b", "c", "d"})
      chat.keep(data);
  }
  broker::policy two;
  two.history_size = 2;
  auto bus = kit.open(broker::namespaces{two});
  room_double chat{*bus, "chat.1"};
  chat.keep("e");
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"d", "e"});
}

TEST_CASE("who repeats an id that the log made is recognised", "[sqlite]") {
  embedded_kit kit{true, sync_mode::normal};
  auto bus = kit.open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  auto e = chat.event("a");
  e.from = "ann";
  const auto first = chat.publish(e);
  e.event_id = first.what.event_id;
  const auto again = chat.publish(e);
  CHECK(again.what.duplicate);
  CHECK(again.what.position == first.what.position);
  e.from = "bob";
  CHECK_FALSE(chat.publish(e).what.duplicate);
  // One that was never kept is new, and known from then on.
  e.event_id = first.what.position.epoch + "-" + std::to_string(first.what.position.offset + 1000);
  CHECK_FALSE(chat.publish(e).what.duplicate);
  CHECK(chat.publish(e).what.duplicate);
}

} // namespace
} // namespace hubbub::test
