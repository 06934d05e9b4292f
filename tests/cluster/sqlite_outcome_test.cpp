#include "cluster/sqlite_db.hpp"
#include "tests/cluster/bus_kit.hpp"
#include "tests/cluster/faulty_disk.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <chrono>
#include <filesystem>
#include <set>

namespace hubbub::test {
namespace {

using namespace std::chrono_literals;
using sync_mode = cluster::embedded_options::sync_mode;

broker::namespaces long_history() {
  broker::policy rules;
  rules.history_size = 100'000;
  return broker::namespaces{rules};
}

/// The data directory as a kill would leave it now: copied while the log is open.
texts after_a_kill(const embedded_kit& kit, const std::string& name) {
  temp_dir copy;
  for (const auto* file : {"hubbub.db", "hubbub.db-wal"})
    if (std::filesystem::exists(kit.dir() + "/" + file))
      std::filesystem::copy_file(kit.dir() + "/" + file, copy / file);
  static const broker::manual_clock time;
  cluster::embedded_options options;
  options.data_dir = copy.path();
  auto bus = cluster::open_embedded_bus(options, long_history(), time);
  REQUIRE(bus.has_value());
  return data_of(read(**bus, after(name, 0)).events);
}

TEST_CASE("when the sync of a commit fails, the outcome is unknown, and a retry is kept once", "[sqlite]") {
  faulty_disk disk;
  embedded_kit kit{true, sync_mode::full};
  auto bus = kit.open(long_history());
  room_double chat{*bus, "chat.1"};
  chat.keep("a");
  faulty_disk::fail_syncs = 1000;
  auto e = chat.event("b");
  e.from = "ann";
  auto p = chat.publish(e);
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.why.code == broker::errc::unavailable);
  CHECK(p.refused.outcome == broker::publish_outcome::unknown);
  REQUIRE_FALSE(p.refused.event_id.empty());
  CHECK(bus->health().code == broker::errc::unavailable);
  CHECK(data_of(chat.seen().events()) == texts{"a"});
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a"});
  // This is why it is not known: what a kill leaves has it, until the log has tidied up behind the failure.
  const auto left = after_a_kill(kit, "chat.1");
  CHECK((left == texts{"a", "b"} || left == texts{"a"}));

  faulty_disk::fail_syncs = 0;
  e.event_id = p.refused.event_id;
  p = chat.publish(e);
  REQUIRE(p.stored);
  CHECK_FALSE(p.what.duplicate);
  CHECK(chat.publish(e).what.duplicate);
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a", "b"});
  CHECK(bus->health().code == broker::errc::ok);
}

TEST_CASE("what a failed commit had in it leaves no trace", "[sqlite]") {
  faulty_disk disk;
  embedded_kit kit{true, sync_mode::full};
  auto bus = kit.open(long_history());
  room_double chat{*bus, "chat.1"};
  const auto a = chat.keep("a");
  auto e = chat.event("b");
  e.event_id = "b";
  faulty_disk::fail_writes = 1000;
  const auto p = chat.publish(e);
  faulty_disk::fail_writes = 0;
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
  CHECK(p.refused.event_id == "b");

  const auto again = chat.publish(e);
  REQUIRE(again.stored);
  CHECK_FALSE(again.what.duplicate);
  REQUIRE(chat.seen().events().size() == 2);
  CHECK(chat.seen().events()[1]->previous == a);
  auto db = cluster::database::open(kit.dir() + "/hubbub.db");
  REQUIRE(db.has_value());
  std::int64_t held = 0;
  CHECK(db->ask("SELECT held FROM rooms WHERE name = 'chat.1'", held) == SQLITE_OK);
  CHECK(held == 2);
}

TEST_CASE("an event of unknown outcome that a restart finds is known by the id that was told", "[sqlite]") {
  faulty_disk disk;
  embedded_kit kit{true, sync_mode::full};
  temp_dir copy;
  broker::event e;
  {
    auto bus = kit.open(long_history());
    room_double chat{*bus, "chat.1"};
    chat.keep("a");
    faulty_disk::fail_syncs = 1000;
    e = chat.event("b");
    e.from = "ann";
    e.event_id = chat.publish(e).refused.event_id;
    for (const auto* file : {"hubbub.db", "hubbub.db-wal"})
      std::filesystem::copy_file(kit.dir() + "/" + file, copy / file);
    faulty_disk::fail_syncs = 0;
  }
  broker::manual_clock time;
  cluster::embedded_options options;
  options.data_dir = copy.path();
  auto bus = std::move(*cluster::open_embedded_bus(options, long_history(), time));
  room_double chat{*bus, "chat.1"};
  // The log may have tidied up before the copy was taken.
  const auto found = data_of(read(*bus, after("chat.1", 0)).events) == texts{"a", "b"};
  const auto p = chat.publish(e);
  REQUIRE(p.stored);
  CHECK(p.what.duplicate == found);
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a", "b"});
}

TEST_CASE("on a disk that fails at random, what is said of each publish is true", "[sqlite][slow]") {
  faulty_disk disk;
  const auto mode = GENERATE(sync_mode::full, sync_mode::normal);
  embedded_kit kit{true, mode};
  auto bus = kit.open(long_history());
  room_double chat{*bus, "chat.1"};
  chat.seen().ready();
  std::set<std::string> kept, not_kept, unknown;
  for (auto round = 0; round < 40; ++round) {
    faulty_disk::fail_writes = round % 3 == 0 ? 0 : 120;
    faulty_disk::fail_syncs = round % 4 == 0 ? 0 : 200;
    std::map<broker::publish_token, std::string> sent;
    for (auto n = 0; n < 10; ++n) {
      auto e = chat.event(std::to_string(round) + "." + std::to_string(n) + std::string(n * 700, '.'));
      const auto data = e.data;
      sent[chat.send(std::move(e))] = data;
      if (n % 3 == 0)
        chat.seen().until_answers(static_cast<std::size_t>(round) * 10 + n + 1);
    }
    chat.seen().until_answers(static_cast<std::size_t>(round) * 10 + 10);
    for (const auto& [token, data] : sent) {
      const auto p = chat.seen().answer_of(token);
      if (p.stored)
        kept.insert(data);
      else
        (p.refused.outcome == broker::publish_outcome::unknown ? unknown : not_kept).insert(data);
    }
    faulty_disk::fail_writes = faulty_disk::fail_syncs = 0;
    const auto check = [&](const texts& there) {
      auto missing = kept;
      for (const auto& data : there) {
        CHECK_FALSE(not_kept.contains(data));
        if (missing.erase(data) == 0)
          CHECK(unknown.contains(data));
      }
      CHECK(missing.empty());
      CHECK(std::set<std::string>(there.begin(), there.end()).size() == there.size());
    };
    check(after_a_kill(kit, "chat.1"));
    const auto found = read(*bus, after("chat.1", 0));
    const auto here = data_of(found.events);
    for (std::size_t i = 0; i < found.events.size(); ++i)
      CHECK(found.events[i]->previous == (i == 0 ? 0 : found.events[i - 1]->offset));
    CHECK(found.head.offset == (found.events.empty() ? 0 : found.events.back()->offset));
    CHECK(std::set<std::string>(here.begin(), here.end()) == kept);
    CHECK(data_of(chat.seen().events()) == here);
  }
  CHECK(kept.size() > 20);
  CHECK(not_kept.size() > 5);
  if (mode == sync_mode::full)
    CHECK(unknown.size() > 5);
  CHECK_FALSE(chat.seen().broke_the_rules());
}

TEST_CASE("a log whose file was deleted says so and confirms nothing more", "[sqlite][slow]") {
  embedded_kit kit{true};
  auto bus = kit.open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  chat.keep("a");
  std::filesystem::remove(kit.dir() + "/hubbub.db");
  REQUIRE(eventually([&] { return bus->health().code != broker::errc::ok; }));
  CHECK_THAT(bus->health().message, Catch::Matchers::Contains("hubbub.db: was removed"));
  const auto p = chat.publish(chat.event("b"));
  CHECK_FALSE(p.stored);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
}

} // namespace
} // namespace hubbub::test
