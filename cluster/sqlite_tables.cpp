#include "cluster/sqlite_tables.hpp"

#include <sqlite3.h>

#include <utility>

namespace hubbub::cluster {
namespace {

constexpr std::int64_t ids_at_once = 4096;

void read_room(const statement& s, int from, sqlite_room& room) {
  room.id = s.integer(from);
  room.head = s.number(from + 1);
  room.trimmed = s.number(from + 2);
  room.held = s.number(from + 3);
  room.oldest = s.integer(from + 4);
}

int ended(int rc) noexcept { return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc; }

} // namespace

sqlite_tables::sqlite_tables(database& db)
    : load_{db.prepare("SELECT id, head, trimmed, held, oldest FROM rooms WHERE name = ?")},
      insert_{db.prepare("INSERT INTO rooms(name, head, trimmed, held, oldest) VALUES(?, 0, 0, 0, 0)")},
      save_{db.prepare("UPDATE rooms SET head = ?2, trimmed = ?3, held = ?4, oldest = ?5 WHERE id = ?1")},
      append_{db.prepare("INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")},
      oldest_{db.prepare("SELECT position, at FROM events WHERE room = ? ORDER BY position")},
      trim_{db.prepare("DELETE FROM events WHERE room = ? AND position <= ?")},
      is_kept_{db.prepare("SELECT event_id, sender FROM events WHERE room = ? AND position = ?")},
      remember_{db.prepare("INSERT INTO seen(low, high, position, expires) VALUES(?, ?, ?, ?)")},
      recall_{db.prepare("SELECT low, high, position, expires FROM seen ORDER BY id")},
      seen_oldest_{db.prepare("SELECT id, expires FROM seen ORDER BY id LIMIT ?")},
      forget_{db.prepare("DELETE FROM seen WHERE id <= ?")},
      rooms_{db.prepare(
          "SELECT name, id, head, trimmed, held, oldest FROM rooms WHERE id > ? ORDER BY id LIMIT ?")},
      probe_{db.prepare(
          "INSERT INTO meta VALUES('probe', '1') ON CONFLICT(name) DO UPDATE SET value = 1 - value")},
      begin_{db.prepare("BEGIN IMMEDIATE")},
      commit_{db.prepare("COMMIT")},
      rollback_{db.prepare("ROLLBACK")},
      db_{db.handle()} {}

broker::result<sqlite_tables> sqlite_tables::prepare(database& db) {
  sqlite_tables tables{db};
  for (const auto* s :
       {&tables.load_, &tables.insert_, &tables.save_, &tables.append_, &tables.oldest_, &tables.trim_,
        &tables.is_kept_, &tables.remember_, &tables.recall_, &tables.seen_oldest_, &tables.forget_,
        &tables.rooms_, &tables.probe_, &tables.begin_, &tables.commit_, &tables.rollback_})
    if (!*s)
      return broker::refusal{broker::errc::unavailable,
                             std::string{sqlite3_db_filename(db.handle(), "main")} +
                                 ": has not the tables it should have"};
  return tables;
}

int sqlite_tables::load(sqlite_room& room, std::string_view name) {
  const auto rc = load_.with(name).step();
  if (rc == SQLITE_ROW) {
    read_room(load_, 0, room);
  } else if (rc == SQLITE_DONE) {
    room.id = 0;
    room.head = room.trimmed = room.held = 0;
    room.oldest = 0;
  }
  room.loaded = ended(rc) == SQLITE_OK;
  load_.reset();
  return ended(rc);
}

int sqlite_tables::insert(sqlite_room& room, std::string_view name) {
  const auto rc = insert_.with(name).run();
  if (rc == SQLITE_OK)
    room.id = sqlite3_last_insert_rowid(db_);
  return rc;
}

int sqlite_tables::save(const sqlite_room& room) {
  return save_.with(room.id, room.head, room.trimmed, room.held, room.oldest).run();
}

int sqlite_tables::append(const sqlite_room& room, const broker::stored_event& e, std::int64_t at) {
  return append_
      .with(room.id, e.offset, at, e.time_ms, e.previous, std::string_view{e.event_id},
            std::string_view{e.type}, std::string_view{e.data}, static_cast<std::int64_t>(e.encoding),
            std::string_view{e.key}, std::string_view{e.from}, e.excluded.value)
      .run();
}

int sqlite_tables::trim(sqlite_room& room, std::uint32_t most, std::int64_t over) {
  const auto too_many = room.held > most ? room.held - most : 0;
  if (room.held == 0 || (too_many == 0 && room.oldest > over))
    return SQLITE_OK;
  std::uint64_t taken = 0, last = 0;
  oldest_.with(room.id);
  auto rc = SQLITE_OK;
  while ((rc = oldest_.step()) == SQLITE_ROW) {
    room.oldest = oldest_.integer(1);
    if (taken >= too_many && room.oldest > over)
      break;
    last = oldest_.number(0);
    ++taken;
  }
  oldest_.reset();
  if (ended(rc) != SQLITE_OK || taken == 0)
    return ended(rc);
  room.trimmed = last;
  room.held -= taken;
  if (room.held == 0)
    room.oldest = 0;
  return trim_.with(room.id, last).run();
}

int sqlite_tables::is_kept(const sqlite_room& room, std::uint64_t offset, const broker::event& e,
                           bool& answer) {
  const auto rc = is_kept_.with(room.id, offset).step();
  answer = rc == SQLITE_ROW && is_kept_.text(0) == e.event_id && is_kept_.text(1) == e.from;
  is_kept_.reset();
  return ended(rc);
}

int sqlite_tables::remember(const digest& id, std::uint64_t offset, std::int64_t expires) {
  return remember_.with(id.low, id.high, offset, expires).run();
}

int sqlite_tables::recall(dedup_table& into, std::int64_t now) {
  auto rc = SQLITE_OK;
  while ((rc = recall_.step()) == SQLITE_ROW)
    if (recall_.integer(3) > now)
      into.add({recall_.number(0), recall_.number(1)}, recall_.number(2), recall_.integer(3), now);
  recall_.reset();
  return ended(rc);
}

int sqlite_tables::forget(std::int64_t now, bool& more) {
  std::int64_t last = 0, taken = 0;
  seen_oldest_.with(ids_at_once);
  auto rc = SQLITE_OK;
  while ((rc = seen_oldest_.step()) == SQLITE_ROW && seen_oldest_.integer(1) <= now) {
    last = seen_oldest_.integer(0);
    ++taken;
  }
  seen_oldest_.reset();
  more = taken == ids_at_once;
  if (ended(rc) != SQLITE_OK || taken == 0)
    return ended(rc);
  return forget_.with(last).run();
}

int sqlite_tables::rooms_after(std::int64_t id, std::int64_t most, std::vector<row>& into) {
  into.clear();
  rooms_.with(id, most);
  auto rc = SQLITE_OK;
  while ((rc = rooms_.step()) == SQLITE_ROW) {
    auto& r = into.emplace_back();
    r.name = rooms_.text(0);
    read_room(rooms_, 1, r.room);
  }
  rooms_.reset();
  return ended(rc);
}

int sqlite_tables::probe() { return probe_.run(); }

} // namespace hubbub::cluster
