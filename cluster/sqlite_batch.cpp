#include "cluster/sqlite_batch.hpp"

#include "cluster/epoch.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace hubbub::cluster {
namespace {

// Offsets that are skipped at most when the process is killed.
constexpr std::uint64_t reserved_at_once = 65'536;

/// What came at this time or before is over.
std::int64_t over(const broker::policy& rules, std::int64_t now) noexcept {
  const auto age = rules.history_age.count();
  return age > 0 ? now - age : std::numeric_limits<std::int64_t>::min();
}

} // namespace

sqlite_batch::sqlite_batch(sqlite_tables tables, dedup_table seen, sqlite_file& file,
                           const sqlite_shared& shared)
    : tables_{std::move(tables)},
      seen_{std::move(seen)},
      file_{file},
      shared_{shared},
      last_offset_{file.reserved} {}

sqlite_batch::written sqlite_batch::write(std::span<write_task> tasks) {
  auto rc = SQLITE_OK;
  if (last_offset_ + tasks.size() > file_.reserved)
    rc = file_.reserve(last_offset_ + tasks.size() + reserved_at_once);
  if (rc == SQLITE_OK)
    rc = tables_.begin();
  for (auto& t : tasks) {
    // An interest begins even when the file is broken: it is served later.
    if (t.what == write_task::kind::want)
      bind(t.who);
    if (t.who->room == nullptr)
      t.became = write_task::outcome::replaced;
    else if (rc == SQLITE_OK)
      rc = stage(t);
  }
  if (rc == SQLITE_OK)
    rc = save_touched();
  if (rc != SQLITE_OK)
    return {rc, false};
  return {commit(), true};
}

int sqlite_batch::stage(write_task& task) {
  if (task.what == write_task::kind::forget)
    return SQLITE_OK;
  auto& room = *task.who->room;
  if (!room.loaded)
    if (const auto rc = tables_.load(room, task.who->name.str()); rc != SQLITE_OK)
      return rc;
  task.offset = room.head;
  return task.what == write_task::kind::publish ? stage_publish(task) : SQLITE_OK;
}

int sqlite_batch::stage_publish(write_task& task) {
  auto& room = *task.who->room;
  auto& e = *task.event;
  const auto& rules = task.who->rules;
  const auto now = shared_.clock.unix_ms();
  const auto duplicate_of = [&](std::uint64_t first) {
    task.became = write_task::outcome::duplicate;
    task.offset = first;
    return SQLITE_OK;
  };
  if (task.id)
    if (const auto first = seen_.find(*task.id, now); first != 0)
      return duplicate_of(first);
  // Who was told that an outcome is unknown repeats the id that we had made.
  if (const auto ours = task.named ? offset_in(e.event_id, file_.epoch) : 0; ours != 0) {
    auto kept = false;
    if (const auto rc = tables_.is_kept(room, ours, e, kept); rc != SQLITE_OK || kept)
      return kept ? duplicate_of(ours) : rc;
  }

  e.offset = task.offset = ++last_offset_;
  e.previous = room.head;
  if (!task.named)
    e.event_id = default_event_id(file_.epoch, e.offset);
  if (room.id == 0)
    if (const auto rc = tables_.insert(room, e.room.str()); rc != SQLITE_OK)
      return rc;
  touch(room);
  if (const auto rc = tables_.append(room, e, now); rc != SQLITE_OK)
    return rc;
  room.head = e.offset;
  if (room.held++ == 0) {
    room.oldest = now;
    if (rules.history_age.count() > 0)
      due_ = std::min(due_, now + rules.history_age.count());
  }
  if (!task.id)
    return SQLITE_OK;
  const auto expires = now + rules.dedup_window.count();
  seen_.add(*task.id, e.offset, expires, now);
  added_.push_back(*task.id);
  return tables_.remember(*task.id, e.offset, expires);
}

void sqlite_batch::bind(const std::shared_ptr<sqlite_subscription>& who) {
  if (who->room != nullptr || who->replaced)
    return;
  auto& room = rooms_[who->name.str()];
  if (room.wanted_by) {
    room.wanted_by->replaced = true;
    room.wanted_by->room = nullptr;
  }
  room.wanted_by = who;
  who->room = &room;
}

void sqlite_batch::forget(std::span<write_task> tasks) {
  for (auto& t : tasks)
    if (t.what == write_task::kind::forget && std::exchange(t.who->room, nullptr) != nullptr)
      rooms_.erase(t.who->name.str());
}

void sqlite_batch::touch(sqlite_room& room) {
  if (!std::exchange(room.touched, true))
    touched_.push_back(&room);
}

int sqlite_batch::save_touched() {
  const auto now = shared_.clock.unix_ms();
  for (auto* room : touched_) {
    const auto& rules = room->wanted_by->rules;
    auto rc = tables_.trim(*room, rules.history_size, over(rules, now));
    if (rc == SQLITE_OK)
      rc = tables_.save(*room);
    if (rc != SQLITE_OK)
      return rc;
  }
  return SQLITE_OK;
}

int sqlite_batch::expire(sqlite_tables::row& row, std::int64_t now) {
  const auto& rules = shared_.spaces.of(std::string_view{row.name}.substr(0, row.name.find('.')));
  const auto it = rooms_.find(row.name);
  const auto known = it != rooms_.end() && it->second.loaded;
  auto& room = known ? it->second : row.room;
  const auto held = room.held;
  if (known)
    touch(room);
  auto rc = tables_.trim(room, rules.history_size, over(rules, now));
  if (rc == SQLITE_OK && room.held != held)
    rc = tables_.save(room);
  if (known)
    row.room = room;
  return rc;
}

int sqlite_batch::commit() {
  const auto rc = tables_.commit();
  if (rc != SQLITE_OK)
    return rc;
  for (auto* room : touched_)
    room->touched = false;
  touched_.clear();
  added_.clear();
  return rc;
}

void sqlite_batch::roll_back() {
  if (file_.db.in_transaction())
    tables_.roll_back();
  for (auto* room : touched_)
    room->touched = room->loaded = false;
  touched_.clear();
  for (const auto& id : added_)
    seen_.remove(id);
  added_.clear();
}

} // namespace hubbub::cluster
