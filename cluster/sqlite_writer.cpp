#include "cluster/sqlite_writer.hpp"

#include <sqlite3.h>

#include <chrono>
#include <utility>

namespace hubbub::cluster {
namespace {

// One transaction: enough to make the sync cheap for each, short enough to be answered soon.
constexpr std::size_t batch_tasks = 4096;
constexpr std::size_t batch_bytes = 8 << 20;
// Pages of the write-ahead log before they go into the file, and before readers must wait for that.
constexpr int checkpoint_pages = 2000;
constexpr int urgent_pages = 16'000;

/// May the transaction be found after a restart although its commit failed? Not when its last page was not
/// written, which is what comes before everything else; but when only the sync failed, nobody knows.
broker::publish_outcome outcome_of(int commit_rc) noexcept {
  const auto not_written =
      commit_rc == SQLITE_IOERR_WRITE || commit_rc == SQLITE_FULL || commit_rc == SQLITE_BUSY;
  return not_written ? broker::publish_outcome::not_stored : broker::publish_outcome::unknown;
}

/// Clients are not to learn where the files lie.
broker::refusal without_directory(broker::refusal why) {
  if (const auto slash = why.message.rfind('/', why.message.find(": ")); slash != std::string::npos)
    why.message.erase(0, slash + 1);
  return why;
}

} // namespace

sqlite_writer::sqlite_writer(sqlite_file file, sqlite_tables tables, dedup_table seen,
                             std::shared_ptr<sqlite_shared> shared)
    : file_{std::move(file)},
      shared_{std::move(shared)},
      batch_{std::move(tables), std::move(seen), file_, *shared_},
      sweep_{batch_, *shared_},
      thread_{[this] {
        // What it was confirming would stay without an answer.
        broker::guarded_to_the_end(shared_->answers, "writer", [this] { run(); });
      }} {}

sqlite_writer::~sqlite_writer() { thread_.join(); }

broker::refusal sqlite_writer::health() const {
  std::lock_guard lock{mutex_};
  return health_;
}

void sqlite_writer::set_health(broker::refusal now) {
  std::lock_guard lock{mutex_};
  health_ = std::move(now);
}

void sqlite_writer::run() {
  using namespace std::chrono_literals;
  sqlite3_wal_hook(
      file_.db.handle(),
      [](void* pages, sqlite3*, const char*, int n) {
        *static_cast<int*>(pages) = n;
        return SQLITE_OK;
      },
      &wal_pages_);
  std::vector<write_task> tasks;
  auto next_tick = std::chrono::steady_clock::now() + 1s;
  while (shared_->queue.take(tasks, next_tick)) {
    for (std::size_t from = 0; from < tasks.size();) {
      auto to = from;
      for (std::size_t bytes = 0; to < tasks.size() && to - from < batch_tasks && bytes < batch_bytes; ++to)
        bytes += tasks[to].bytes();
      write(std::span{tasks}.subspan(from, to - from));
      from = to;
    }
    tasks.clear();
    if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) {
      tick();
      next_tick = now + 1s;
    }
  }
  if (working_)
    file_.close(batch_.last_offset());
}

void sqlite_writer::write(std::span<write_task> tasks) {
  std::size_t publishes = 0;
  std::size_t bytes = 0;
  for (const auto& t : tasks) {
    publishes += t.what == write_task::kind::publish;
    bytes += t.bytes();
  }
  const auto [rc, committing] =
      removed_ ? sqlite_batch::written{SQLITE_READONLY_DBMOVED, false} : batch_.write(tasks);
  if (rc == SQLITE_OK) {
    // A batch that wrote nothing says nothing of writing.
    if (!working_ && batch_.probe() == SQLITE_OK) {
      working_ = true;
      set_health(broker::errc::ok);
    }
    confirm(tasks);
  } else {
    const auto why = file_.db.failure(rc);
    batch_.roll_back();
    working_ = false;
    set_health(why);
    refuse(tasks, without_directory(why), committing ? outcome_of(rc) : broker::publish_outcome::not_stored);
  }
  batch_.forget(tasks);
  shared_->queue.done(publishes, bytes);
  checkpoint();
}

void sqlite_writer::confirm(std::span<write_task> tasks) {
  for (auto& t : tasks) {
    broker::stream_position at{file_.epoch, t.offset};
    const auto replaced = t.became == write_task::outcome::replaced;
    if (t.what == write_task::kind::want && !replaced) {
      t.who->tell([at = std::move(at)](auto& handler) mutable { handler.on_ready(std::move(at)); });
    } else if (t.what == write_task::kind::publish && replaced) {
      refuse({&t, 1}, {broker::errc::unavailable, "the room has started anew"},
             broker::publish_outcome::not_stored);
    } else if (t.what == write_task::kind::publish) {
      const auto duplicate = t.became == write_task::outcome::duplicate;
      t.who->tell([token = t.token, duplicate, event = broker::stored_event_ptr{std::move(t.event)},
                   at = std::move(at)](auto& handler) mutable {
        broker::stored answer{std::move(at), event->event_id, duplicate};
        if (!duplicate && !handler.on_event(std::move(event))) {
          // The room reads from its position when it can: the event is in the log.
        }
        handler.on_stored(token, std::move(answer));
      });
    }
  }
}

void sqlite_writer::refuse(std::span<write_task> tasks, const broker::refusal& why,
                           broker::publish_outcome outcome) {
  for (auto& t : tasks) {
    if (t.what == write_task::kind::want) {
      unserved_.push_back(t.who);
      if (!std::exchange(t.who->told_unavailable, true))
        t.who->tell([why](auto& handler) { handler.on_unavailable(why); });
    } else if (t.what == write_task::kind::publish) {
      broker::publish_refused refused{why, outcome, {}};
      if (t.became == write_task::outcome::replaced)
        refused.outcome = broker::publish_outcome::not_stored;
      // An id of ours stands for nothing when the event was not kept.
      if (t.named || refused.outcome == broker::publish_outcome::unknown)
        refused.event_id = t.event->event_id;
      t.who->tell([token = t.token, refused = std::move(refused)](auto& handler) mutable {
        handler.on_refused(token, std::move(refused));
      });
    }
  }
}

void sqlite_writer::tick() {
  // Who deletes the file takes the events with it, and SQLite would write on: a restart is needed.
  if (auto moved = 0;
      sqlite3_file_control(file_.db.handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
      moved != 0 && !std::exchange(removed_, true)) {
    working_ = false;
    set_health(file_.db.failure(SQLITE_READONLY_DBMOVED));
  }
  std::erase_if(unserved_, [](const auto& who) { return who->ended.load(std::memory_order_acquire); });
  if (removed_)
    return;
  if (!working_) {
    if (const auto rc = batch_.probe(); rc != SQLITE_OK)
      return set_health(file_.db.failure(rc));
    working_ = true;
    set_health(broker::errc::ok);
  }
  if (!unserved_.empty()) {
    std::vector<write_task> again;
    for (auto& who : std::exchange(unserved_, {}))
      again.emplace_back().who = std::move(who);
    write(again);
  }
  if (const auto rc = working_ ? sweep_.run() : SQLITE_OK; rc != SQLITE_OK) {
    set_health(file_.db.failure(rc));
    batch_.roll_back();
    working_ = false;
  }
  checkpoint();
}

void sqlite_writer::checkpoint() {
  if (wal_pages_ < next_checkpoint_)
    return;
  auto in_log = 0;
  auto moved = 0;
  const auto mode = wal_pages_ < urgent_pages ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_RESTART;
  const auto rc = sqlite3_wal_checkpoint_v2(file_.db.handle(), nullptr, mode, &in_log, &moved);
  // What could not be moved, because of a reader or a full disk, is kept all the same, and tried again.
  const auto all = rc == SQLITE_OK && moved == in_log;
  next_checkpoint_ = all ? checkpoint_pages : wal_pages_ + checkpoint_pages / 2;
  if (all)
    wal_pages_ = 0;
}

} // namespace hubbub::cluster
