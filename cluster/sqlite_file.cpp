#include "cluster/sqlite_file.hpp"

#include "cluster/epoch.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <utility>

namespace hubbub::cluster {
namespace {

// "hubb"
constexpr std::int64_t application = 0x68756262;
// What is checked as a whole before it is used. Larger files would delay the start.
constexpr std::int64_t checked_bytes = 64 << 20;

constexpr auto make_tables = R"(
  BEGIN IMMEDIATE;
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE rooms(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL, trimmed INTEGER NOT NULL, held INTEGER NOT NULL, oldest INTEGER NOT NULL);
  CREATE TABLE events(room INTEGER NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL,
    time INTEGER NOT NULL, previous INTEGER NOT NULL, event_id TEXT NOT NULL, type TEXT NOT NULL,
    data TEXT NOT NULL, encoding INTEGER NOT NULL, key TEXT NOT NULL, sender TEXT NOT NULL,
    excluded INTEGER NOT NULL, PRIMARY KEY(room, position)) WITHOUT ROWID;
  CREATE TABLE seen(id INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL,
    position INTEGER NOT NULL, expires INTEGER NOT NULL);
  PRAGMA application_id = 1752523362;
  PRAGMA user_version = 1;
  COMMIT;
)";

/// Names this start of the machine; empty: not known.
std::string boot_id() {
  std::string id;
  std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"}, id);
  return id;
}

std::uint64_t number(const std::string& text) noexcept {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

} // namespace

broker::result<sqlite_file> sqlite_file::open(const std::string& path, embedded_options::sync_mode sync) {
  // SQLite would make it by the umask; its other files get the rights of this one. What stands in the way it
  // will say itself.
  if (const auto made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); made >= 0)
    ::close(made);
  auto opened = database::open(path);
  if (!opened)
    return opened.error();
  sqlite_file file{std::move(*opened), sync};
  for (auto step : {&sqlite_file::check, &sqlite_file::create, &sqlite_file::begin_life})
    if (auto why = (file.*step)(); why.code != broker::errc::ok)
      return why;
  return file;
}

broker::refusal sqlite_file::check() {
  const auto refuse = [&](const std::string& why) {
    return broker::refusal{broker::errc::unavailable,
                           std::string{sqlite3_db_filename(db.handle(), "main")} + why};
  };
  std::int64_t whose = 0, version = 0, tables = 0, pages = 0;
  if (db.ask("PRAGMA application_id", whose) != SQLITE_OK ||
      db.ask("SELECT count(*) FROM sqlite_master", tables) != SQLITE_OK ||
      db.ask("PRAGMA user_version", version) != SQLITE_OK || db.ask("PRAGMA page_count", pages) != SQLITE_OK)
    return db.failure();
  if (whose != application && (whose != 0 || tables != 0))
    return refuse(": is a database of another program");
  if (version > schema)
    return refuse(": has schema version " + std::to_string(version) + ", and this hubbub knows " +
                  std::to_string(schema) + " at most");
  if (pages * 4096 <= checked_bytes) {
    std::string found;
    if (db.ask("PRAGMA quick_check(1)", found) != SQLITE_OK)
      return db.failure();
    if (found != "ok")
      return refuse(": is damaged (" + found + ")");
  }
  return broker::errc::ok;
}

broker::refusal sqlite_file::create() {
  std::string mode;
  if (db.ask("PRAGMA journal_mode = WAL", mode) != SQLITE_OK)
    return db.failure();
  if (mode != "wal")
    return {broker::errc::unavailable, std::string{sqlite3_db_filename(db.handle(), "main")} +
                                           ": the file system cannot keep a write-ahead log"};
  // Checkpoints are the writer's, between two batches.
  if (db.run("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192") !=
      SQLITE_OK)
    return db.failure();
  std::int64_t version = 0;
  if (db.ask("PRAGMA user_version", version) != SQLITE_OK ||
      (version == 0 && db.run(make_tables) != SQLITE_OK))
    return db.failure();
  return broker::errc::ok;
}

broker::refusal sqlite_file::begin_life() {
  std::string last_sync, last_boot, in_use, offset, low, high;
  if (get("epoch", epoch) != SQLITE_OK || get("sync", last_sync) != SQLITE_OK ||
      get("boot", last_boot) != SQLITE_OK || get("in_use", in_use) != SQLITE_OK ||
      get("reserved", offset) != SQLITE_OK || get("key_low", low) != SQLITE_OK ||
      get("key_high", high) != SQLITE_OK)
    return db.failure();
  const auto boot = boot_id();
  reserved = number(offset);
  key = {number(low), number(high)};
  if (low.empty())
    key = new_siphash_key();
  // Without a sync at each commit a crash of the machine takes the newest events: the log was set back.
  const auto set_back = in_use == "1" && last_sync != "full" && (boot.empty() || boot != last_boot);
  if (epoch.empty() || set_back)
    epoch = new_epoch();

  const auto full = sync_ == embedded_options::sync_mode::full;
  if (db.run("BEGIN IMMEDIATE") != SQLITE_OK || set("epoch", epoch) != SQLITE_OK ||
      set("sync", full ? "full" : "normal") != SQLITE_OK || set("boot", boot) != SQLITE_OK ||
      set("in_use", "1") != SQLITE_OK || set("key_low", std::to_string(key[0])) != SQLITE_OK ||
      set("key_high", std::to_string(key[1])) != SQLITE_OK || db.run("COMMIT") != SQLITE_OK ||
      (!full && db.run("PRAGMA synchronous = NORMAL") != SQLITE_OK))
    return db.failure();
  return broker::errc::ok;
}

int sqlite_file::reserve(std::uint64_t last) noexcept {
  auto rc = db.run("PRAGMA synchronous = FULL");
  if (rc == SQLITE_OK)
    rc = set("reserved", std::to_string(last));
  if (rc == SQLITE_OK)
    reserved = last;
  if (sync_ == embedded_options::sync_mode::normal)
    if (const auto back = db.run("PRAGMA synchronous = NORMAL"); rc == SQLITE_OK)
      rc = back;
  return rc;
}

void sqlite_file::close(std::uint64_t last) noexcept {
  // What fails here makes the next start more careful, and nothing else.
  if (reserve(last) == SQLITE_OK && db.run("PRAGMA synchronous = FULL") == SQLITE_OK &&
      set("in_use", "0") == SQLITE_OK)
    static_cast<void>(db.run("PRAGMA wal_checkpoint(TRUNCATE)"));
}

int sqlite_file::set(const char* name, std::string_view value) noexcept {
  auto s = db.prepare("INSERT INTO meta VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value");
  return s ? s.with(std::string_view{name}, value).run() : sqlite3_extended_errcode(db.handle());
}

int sqlite_file::get(const char* name, std::string& value) noexcept {
  auto s = db.prepare("SELECT value FROM meta WHERE name = ?");
  if (!s)
    return sqlite3_extended_errcode(db.handle());
  const auto rc = s.with(std::string_view{name}).step();
  if (rc == SQLITE_ROW)
    value = s.text(0);
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

} // namespace hubbub::cluster
