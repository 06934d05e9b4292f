#pragma once

#include "cluster/sqlite_batch.hpp"
#include "cluster/sqlite_file.hpp"
#include "cluster/sqlite_interest.hpp"
#include "cluster/sqlite_sweep.hpp"

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace hubbub::cluster {

/// Writes the log from a thread of its own: what was published since the last commit goes into the
/// next one (group commit), and is delivered and confirmed, from this thread, when that has succeeded.
/// A failed commit refuses all that was in it; the file is tried again with the next one, and every second.
class sqlite_writer {
public:
  /// Starts the thread.
  sqlite_writer(sqlite_file file, sqlite_tables tables, dedup_table seen,
                std::shared_ptr<sqlite_shared> shared);
  /// Waits until what is queued is written. The queue must be closed.
  ~sqlite_writer();

  /// Any thread.
  [[nodiscard]] broker::refusal health() const;

private:
  void run();
  /// One transaction, and its answers.
  void write(std::span<write_task> tasks);
  void confirm(std::span<write_task> tasks);
  void refuse(std::span<write_task> tasks, const broker::refusal& why, broker::publish_outcome outcome);
  void set_health(broker::refusal now);
  /// Once a second: looks whether a broken file works again, and frees what is over.
  void tick();
  /// Moves the write-ahead log into the file when it is long.
  void checkpoint();

  sqlite_file file_;
  std::shared_ptr<sqlite_shared> shared_;
  // Statements: they must go before the file.
  sqlite_batch batch_;
  sqlite_sweep sweep_;
  /// Interests that could not be served yet.
  std::vector<std::shared_ptr<sqlite_subscription>> unserved_;
  bool working_ = true;
  /// The file is not in its place any more.
  bool removed_ = false;
  int wal_pages_ = 0;
  int next_checkpoint_ = 0;

  mutable std::mutex mutex_;
  broker::refusal health_{broker::errc::ok};
  std::thread thread_;
};

} // namespace hubbub::cluster
