#include "cluster/embedded_bus.hpp"
#include "cluster/sqlite_db.hpp"
#include "tests/cluster/bus_kit.hpp"
#include "tests/cluster/faulty_disk.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace hubbub::test {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

/// Why `dir` cannot be opened.
std::string why_not(const std::string& dir) {
  static const broker::system_clock time;
  cluster::embedded_options options;
  options.data_dir = dir;
  const auto bus = cluster::open_embedded_bus(options, broker::namespaces{}, time);
  if (bus)
    return "";
  CHECK(bus.error().code == broker::errc::unavailable);
  return bus.error().message;
}

void make_log(const std::string& dir) { REQUIRE(why_not(dir).empty()); }

TEST_CASE("a data directory that cannot be used is refused with its name", "[sqlite]") {
  temp_dir dir;
  std::ofstream{dir / "file"} << "x";
  CHECK_THAT(why_not(dir / "file"), Contains(dir / "file"));
  CHECK_THAT(why_not(dir / "file/below"), Contains(dir / "file/below"));
  CHECK(why_not(dir / "made/on/demand").empty());
  std::filesystem::create_directories(dir / "taken/hubbub.db");
  CHECK_THAT(why_not(dir / "taken"), Contains("taken/hubbub.db"));
  std::filesystem::create_directories(dir / "locked/hubbub.lock");
  CHECK_THAT(why_not(dir / "locked"), Contains("locked/hubbub.lock: cannot be written"));
}

TEST_CASE("a data directory has one user at a time", "[sqlite]") {
  embedded_kit kit{true};
  {
    auto bus = kit.open(broker::namespaces{});
    CHECK_THAT(why_not(kit.dir()),
               Contains("hubbub.lock: the data directory is used by another process (pid " +
                        std::to_string(::getpid()) + ")"));
    room_double chat{*bus, "chat.1"};
    chat.keep("not disturbed");
  }
  CHECK(why_not(kit.dir()).empty());
}

TEST_CASE("a file that is no log of ours, or a newer one, is refused with its name", "[sqlite]") {
  temp_dir dir;
  const auto file = dir / "hubbub.db";
  const auto alter = [&](const char* sql) {
    auto db = cluster::database::open(file);
    REQUIRE(db.has_value());
    REQUIRE(db->run(sql) == 0);
  };
  SECTION("garbage") {
    std::ofstream{file} << std::string(10'000, 'x');
    CHECK_THAT(why_not(dir.path()), Contains(file) && Contains("not a database"));
  }
  SECTION("another program's") {
    alter("CREATE TABLE birds(name); PRAGMA user_version = 1");
    CHECK_THAT(why_not(dir.path()), Contains(file) && Contains("another program"));
  }
  SECTION("a newer schema") {
    make_log(dir.path());
    alter("PRAGMA user_version = 2");
    CHECK_THAT(why_not(dir.path()),
               Contains(file) && Contains("schema version 2") && Contains("knows 1 at most"));
  }
  SECTION("a missing table") {
    make_log(dir.path());
    alter("DROP TABLE seen");
    CHECK_THAT(why_not(dir.path()), Contains(file) && Contains("tables"));
  }
  SECTION("damaged in the middle") {
    make_log(dir.path());
    const auto size = std::filesystem::file_size(file);
    REQUIRE(size > 3 * 4096);
    std::fstream f{file, std::ios::in | std::ios::out | std::ios::binary};
    f.seekp(2 * 4096);
    f << std::string(4096, 'x');
    f.close();
    CHECK_THAT(why_not(dir.path()), Contains(file));
  }
  SECTION("cut short") {
    make_log(dir.path());
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    CHECK_THAT(why_not(dir.path()), Contains(file));
  }
}

/// A small file system, where this process may make one.
class small_disk {
public:
  explicit small_disk(const char* options) {
    mounted_ = ::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, options) == 0;
  }
  ~small_disk() {
    if (mounted_)
      ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  explicit operator bool() const noexcept { return mounted_; }
  bool read_only(bool yes) {
    return ::mount("tmpfs", dir_.path().c_str(), "tmpfs", MS_REMOUNT | (yes ? MS_RDONLY : 0), nullptr) == 0;
  }
  const std::string& path() const noexcept { return dir_.path(); }

private:
  temp_dir dir_;
  bool mounted_ = false;
};

TEST_CASE("a read-only file system is refused with the file's name", "[sqlite]") {
  small_disk disk{"size=4m"};
  if (!disk) {
    WARN("not permitted to mount: skipped");
    return;
  }
  make_log(disk.path());
  REQUIRE(disk.read_only(true));
  CHECK_THAT(why_not(disk.path()),
             Contains(disk.path() + "/hubbub.lock") && Contains("Read-only file system"));
  REQUIRE(disk.read_only(false));
  CHECK(why_not(disk.path()).empty());
}

/// Publishes until something is refused; `kept` gets what was confirmed.
void publish_until_refused(room_double& chat, std::map<std::uint64_t, std::string>& kept) {
  for (auto n = 0; n < 10'000; ++n) {
    auto e = chat.event(std::to_string(n) + std::string(2'000, 'x'));
    e.event_id = "id-" + std::to_string(n);
    const auto data = e.data;
    const auto p = chat.publish(std::move(e));
    if (p.stored) {
      kept[p.what.position.offset] = data;
      continue;
    }
    CHECK(p.refused.why.code == broker::errc::unavailable);
    CHECK_THAT(p.refused.why.message, Contains("hubbub.db"));
    CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
    CHECK(p.refused.event_id == "id-" + std::to_string(n));
    return;
  }
  FAIL("the disk was never full");
}

std::map<std::uint64_t, std::string> all_of(broker::event_bus& bus, const std::string& name) {
  std::map<std::uint64_t, std::string> found;
  for (const auto& e : read(bus, after(name, 0)).events)
    found[e->offset] = e->data;
  return found;
}

/// What has to hold when there is no room left in `dir`, and when `make_room` was called.
template <class MakeRoom>
void check_full_disk(const std::string& dir, MakeRoom make_room) {
  static const broker::system_clock time;
  cluster::embedded_options options;
  options.data_dir = dir;
  broker::policy rules;
  rules.history_size = 100'000;
  std::map<std::uint64_t, std::string> kept;
  {
    auto bus = std::move(*cluster::open_embedded_bus(options, broker::namespaces{rules}, time));
    room_double chat{*bus, "chat.1"};
    publish_until_refused(chat, kept);
    CHECK(bus->health().code == broker::errc::unavailable);
    CHECK_THAT(bus->health().message, Contains(dir + "/hubbub.db"));
    CHECK(chat.seen().events().size() == kept.size());
    CHECK(all_of(*bus, "chat.1") == kept);

    make_room();
    // Nobody publishes, and the bus is well again all the same.
    REQUIRE(eventually([&] { return bus->health().code == broker::errc::ok; }));
    kept[chat.keep("again")] = "again";
    CHECK(all_of(*bus, "chat.1") == kept);
    CHECK_FALSE(chat.seen().broke_the_rules());
  }
  auto bus = std::move(*cluster::open_embedded_bus(options, broker::namespaces{rules}, time));
  CHECK(all_of(*bus, "chat.1") == kept);
}

TEST_CASE("a full disk refuses publishes, loses nothing, and recovers", "[sqlite][slow]") {
  small_disk disk{"size=3m"};
  if (!disk) {
    WARN("not permitted to mount: skipped");
    return;
  }
  std::ofstream{disk.path() + "/ballast"} << std::string(1 << 20, 'x');
  check_full_disk(disk.path(), [&] { std::filesystem::remove(disk.path() + "/ballast"); });
}

TEST_CASE("a limit on the size of files refuses publishes, loses nothing, and recovers", "[sqlite][slow]") {
  temp_dir dir;
  ::rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto small = before;
  small.rlim_cur = 1 << 20;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  check_full_disk(dir.path(), [&] { REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
}

TEST_CASE("files that turn read-only confirm nothing, and go on when they may be written", "[sqlite][slow]") {
  faulty_disk disk;
  // As SQLite names it, and as a file system does that was mounted anew for reading only.
  const auto error = GENERATE(SQLITE_READONLY, SQLITE_IOERR_WRITE);
  embedded_kit kit{true, GENERATE(cluster::embedded_options::sync_mode::full,
                                  cluster::embedded_options::sync_mode::normal)};
  {
    auto bus = kit.open(broker::namespaces{});
    room_double chat{*bus, "chat.1"};
    chat.keep("a");
    faulty_disk::write_error = error;
    constexpr auto many = 20;
    std::vector<broker::publish_token> sent;
    for (auto n = 0; n < many; ++n) {
      auto e = chat.event("refused");
      e.event_id = "id-" + std::to_string(n);
      sent.push_back(chat.send(std::move(e)));
    }
    for (auto n = 0u; n < many; ++n) {
      const auto p = chat.seen().answer_of(sent[n]);
      CHECK_FALSE(p.stored);
      CHECK(p.refused.why.code == broker::errc::unavailable);
      CHECK_THAT(p.refused.why.message, Contains("hubbub.db"));
      if (error == SQLITE_IOERR_WRITE) // of others the log does not know what they leave
        CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
      CHECK(p.refused.event_id == "id-" + std::to_string(n));
    }
    CHECK(bus->health().code == broker::errc::unavailable);
    CHECK(data_of(chat.seen().events()) == texts{"a"});
    // It can still be read, and who comes now is refused as well.
    CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a"});
    room_double late{*bus, "chat.2"};
    CHECK_FALSE(late.publish(late.event("refused")).stored);
    CHECK(bus->health().code == broker::errc::unavailable);

    faulty_disk::write_error = SQLITE_OK;
    REQUIRE(eventually([&] { return bus->health().code == broker::errc::ok; }));
    auto e = chat.event("b");
    e.event_id = "id-0"; // was refused, so it is no duplicate
    const auto p = chat.publish(std::move(e));
    CHECK(p.stored);
    CHECK_FALSE(p.what.duplicate);
    CHECK(data_of(chat.seen().events()) == texts{"a", "b"});
    CHECK_FALSE(chat.seen().broke_the_rules());
  }
  auto again = kit.open(broker::namespaces{});
  CHECK(data_of(read(*again, after("chat.1", 0)).events) == texts{"a", "b"});
}

TEST_CASE("a log that another program holds refuses publishes and interests until it is let go",
          "[sqlite][slow]") {
  embedded_kit kit{true};
  auto bus = kit.open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  chat.keep("a");
  // Somebody else writes for a long time: for us the file cannot be written.
  auto other = cluster::database::open(kit.dir() + "/hubbub.db");
  REQUIRE(other.has_value());
  REQUIRE(other->run("BEGIN IMMEDIATE") == 0);
  const auto p = chat.publish(chat.event("b"));
  CHECK_FALSE(p.stored);
  CHECK(p.refused.why.code == broker::errc::unavailable);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
  room_double late{*bus, "chat.2"};
  late.seen().until_unavailable();
  CHECK(bus->health().code == broker::errc::unavailable);
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a"});

  REQUIRE(other->run("ROLLBACK") == 0);
  late.seen().ready();
  CHECK(bus->health().code == broker::errc::ok);
  late.keep("c");
  chat.keep("d");
  CHECK(late.seen().times_ready() == 1);
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a", "d"});
}

TEST_CASE("more than the writer's queue holds is refused as overloaded, each once", "[sqlite][slow]") {
  embedded_kit kit{true, cluster::embedded_options::sync_mode::normal};
  auto bus = kit.open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  chat.seen().ready();
  auto other = cluster::database::open(kit.dir() + "/hubbub.db");
  REQUIRE(other.has_value());
  REQUIRE(other->run("BEGIN IMMEDIATE") == 0);
  // 64 MB wait at most, while the writer waits for the other one.
  for (auto n = 0; n < 1'500; ++n)
    chat.send(chat.event(std::string(64 << 10, 'x')));
  REQUIRE(other->run("ROLLBACK") == 0);
  chat.seen().until_answers(1'500);
  auto overloaded = 0;
  for (const auto& [token, p] : chat.seen().answers())
    if (!p.stored && p.refused.why.code == broker::errc::overloaded) {
      ++overloaded;
      CHECK(p.refused.why.retry_after_ms > 0);
      CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
    }
  CHECK(overloaded > 400);
  CHECK(overloaded < 600);
  CHECK_FALSE(chat.seen().broke_the_rules());
  chat.keep("and on it goes");
}

} // namespace
} // namespace hubbub::test
