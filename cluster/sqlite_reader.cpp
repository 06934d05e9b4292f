#include "cluster/sqlite_reader.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

namespace hubbub::cluster {
namespace {

constexpr auto log_is_closed = "the log is closed";

broker::read_result refused(broker::errc code, std::string why, std::uint32_t retry_after_ms = 0) {
  broker::read_result out;
  out.why = {code, std::move(why), retry_after_ms};
  return out;
}

std::shared_ptr<broker::stored_event> event_of(const statement& row, const broker::room_name& room) {
  auto e = std::make_shared<broker::stored_event>();
  e->room = room;
  e->offset = row.number(0);
  e->time_ms = row.integer(1);
  e->previous = row.number(2);
  e->event_id = row.text(3);
  e->type = row.text(4);
  e->data = row.text(5);
  e->encoding = static_cast<broker::data_encoding>(row.integer(6));
  e->key = row.text(7);
  e->from = row.text(8);
  e->excluded.value = row.number(9);
  return e;
}

/// Without the columns that may lie on pages of their own.
std::shared_ptr<broker::stored_event> offset_of(const statement& row, const broker::room_name& room) {
  auto e = std::make_shared<broker::stored_event>();
  e->room = room;
  e->offset = row.number(0);
  return e;
}

} // namespace

broker::result<std::unique_ptr<sqlite_reader>>
sqlite_reader::open(const std::string& epoch, std::shared_ptr<const sqlite_shared> shared) {
  auto db = database::open(shared->file);
  if (!db)
    return db.error();
  if (db->run("PRAGMA query_only = 1; PRAGMA cache_size = -8192") != SQLITE_OK)
    return db->failure();
  std::unique_ptr<sqlite_reader> reader{new sqlite_reader{std::move(*db), epoch, std::move(shared)}};
  for (const auto* s : {&reader->begin_, &reader->end_, &reader->room_, &reader->oldest_, &reader->forward_,
                        &reader->backward_})
    if (!*s)
      return reader->db_.failure();
  reader->thread_ = std::thread{
      [r = reader.get()] { broker::guarded_to_the_end(r->shared_->answers, "reader", [r] { r->run(); }); }};
  return reader;
}

sqlite_reader::sqlite_reader(database db, const std::string& epoch,
                             std::shared_ptr<const sqlite_shared> shared)
    : epoch_{epoch},
      shared_{std::move(shared)},
      db_{std::move(db)},
      begin_{db_.prepare("BEGIN")},
      end_{db_.prepare("COMMIT")},
      room_{db_.prepare("SELECT id, head, trimmed, held, oldest FROM rooms WHERE name = ?")},
      oldest_{db_.prepare("SELECT position, at FROM events WHERE room = ? ORDER BY position")},
      forward_{db_.prepare(
          "SELECT position, time, previous, event_id, type, data, encoding, key, sender, excluded "
          "FROM events WHERE room = ? AND position > ? AND position < ? ORDER BY position")},
      backward_{db_.prepare(
          "SELECT position, time, previous, event_id, type, data, encoding, key, sender, excluded "
          "FROM events WHERE room = ? AND position > ? AND position < ? ORDER BY position DESC")} {}

sqlite_reader::~sqlite_reader() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  news_.notify_one();
  if (thread_.joinable())
    thread_.join();
  for (auto& [what, done] : waiting_)
    done(refused(broker::errc::unavailable, log_is_closed));
}

void sqlite_reader::read(broker::read_request what, broker::read_handler done) {
  std::unique_lock lock{mutex_};
  if (waiting_.size() >= most_waiting) {
    lock.unlock();
    return done(refused(broker::errc::overloaded, "too many wait to read the log", 250));
  }
  const auto first = waiting_.empty();
  waiting_.emplace_back(std::move(what), std::move(done));
  lock.unlock();
  if (first)
    news_.notify_one();
}

void sqlite_reader::run() {
  std::vector<std::pair<broker::read_request, broker::read_handler>> mine;
  std::unique_lock lock{mutex_};
  for (;;) {
    news_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_)
      return;
    mine.swap(waiting_);
    lock.unlock();
    for (auto& one : mine)
      // Whoever asked has broken, not the log: the others get their answers.
      broker::guarded(shared_->answers, "reader", [this, &one] {
        one.second(stopping_ ? refused(broker::errc::unavailable, log_is_closed) : answer(one.first));
      });
    mine.clear();
    lock.lock();
  }
}

broker::read_result sqlite_reader::answer(const broker::read_request& what) {
  broker::read_result out;
  // One snapshot for the room's row and its events.
  auto rc = begin_.run();
  if (rc == SQLITE_OK)
    rc = find(what, out);
  if (rc != SQLITE_OK) {
    out = {};
    out.why = db_.failure();
  }
  if (db_.in_transaction())
    static_cast<void>(end_.run());
  out.head.epoch = epoch_;
  return out;
}

int sqlite_reader::find(const broker::read_request& what, broker::read_result& out) {
  const auto found = room_.with(std::string_view{what.room.str()}).step();
  const auto room = room_.integer(0);
  const auto held = room_.number(3);
  const auto oldest = room_.integer(4);
  auto trimmed = room_.number(2);
  out.head.offset = room_.number(1);
  room_.reset();
  if (found == SQLITE_DONE) {
    out.head.offset = 0;
    out.complete = what.after == 0;
    return SQLITE_OK;
  }
  if (found != SQLITE_ROW)
    return found;

  const auto age = shared_->spaces.of(what.room).history_age.count();
  const auto not_before =
      std::max(what.not_before_ms == 0 ? std::numeric_limits<std::int64_t>::min() : what.not_before_ms,
               age > 0 ? shared_->clock.unix_ms() - age + 1 : std::numeric_limits<std::int64_t>::min());
  if (held > 0 && oldest < not_before)
    if (const auto rc = passed_over(room, not_before, trimmed); rc != SQLITE_OK)
      return rc;
  out.complete = what.after >= trimmed && what.after <= out.head.offset;
  return take(room, std::max(what.after, trimmed), what, out);
}

int sqlite_reader::passed_over(std::int64_t room, std::int64_t before, std::uint64_t& trimmed) {
  oldest_.with(room);
  auto rc = SQLITE_OK;
  while ((rc = oldest_.step()) == SQLITE_ROW && oldest_.integer(1) < before)
    trimmed = oldest_.number(0);
  oldest_.reset();
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_reader::take(std::int64_t room, std::uint64_t after, const broker::read_request& what,
                        broker::read_result& out) {
  auto& rows = what.newest ? backward_ : forward_;
  const auto before = what.before == 0 ? std::numeric_limits<std::int64_t>::max()
                                       : static_cast<std::int64_t>(std::min<std::uint64_t>(
                                             what.before, std::numeric_limits<std::int64_t>::max()));
  after = std::min<std::uint64_t>(after, std::numeric_limits<std::int64_t>::max());
  rows.with(room, after, before);
  std::size_t bytes = 0;
  auto rc = SQLITE_OK;
  while ((rc = rows.step()) == SQLITE_ROW) {
    if (out.events.size() >= what.limit) {
      out.more = true;
      break;
    }
    auto e = what.offsets_only ? offset_of(rows, what.room) : event_of(rows, what.room);
    bytes += what.offsets_only ? 0 : broker::most_frame_bytes(*e);
    if (!out.events.empty() && bytes > what.limit_bytes) {
      out.more = true;
      break;
    }
    out.events.push_back(std::move(e));
  }
  rows.reset();
  if (what.newest)
    std::reverse(out.events.begin(), out.events.end());
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

} // namespace hubbub::cluster
