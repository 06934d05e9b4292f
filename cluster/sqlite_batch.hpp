#pragma once

#include "cluster/dedup_table.hpp"
#include "cluster/sqlite_file.hpp"
#include "cluster/sqlite_interest.hpp"
#include "cluster/sqlite_room.hpp"
#include "cluster/sqlite_tables.hpp"
#include "cluster/write_queue.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace hubbub::cluster {

/// Puts tasks into a transaction, and knows the rooms of interest meanwhile. What it
/// knows beyond the file is taken back when the transaction fails. The writer's thread only.
class sqlite_batch {
public:
  sqlite_batch(sqlite_tables tables, dedup_table seen, sqlite_file& file, const sqlite_shared& shared);

  struct written {
    /// SQLITE_OK: it is committed.
    int rc;
    /// Was it the commit itself that failed?
    bool committing;
  };
  [[nodiscard]] written write(std::span<write_task> tasks);
  /// After a failure.
  void roll_back();
  /// Lets go of the interests that end with these tasks; after their transaction.
  void forget(std::span<write_task> tasks);

  [[nodiscard]] int probe() { return tables_.probe(); }
  [[nodiscard]] std::uint64_t last_offset() const noexcept { return last_offset_; }
  /// Nothing of a room is over before this time.
  [[nodiscard]] std::int64_t due() const noexcept { return due_; }

  /// For the sweep: trims `row` if something of it is over. Within `begin` and `commit`.
  [[nodiscard]] int expire(sqlite_tables::row& row, std::int64_t now);
  [[nodiscard]] int commit();
  [[nodiscard]] sqlite_tables& tables() noexcept { return tables_; }
  [[nodiscard]] dedup_table& seen() noexcept { return seen_; }
  /// A new lower bound; what is published meanwhile lowers it.
  void set_due(std::int64_t when) noexcept { due_ = when; }

private:
  [[nodiscard]] int stage(write_task& task);
  [[nodiscard]] int stage_publish(write_task& task);
  void bind(const std::shared_ptr<sqlite_subscription>& who);
  void touch(sqlite_room& room);
  [[nodiscard]] int save_touched();

  sqlite_tables tables_;
  dedup_table seen_;
  sqlite_file& file_;
  const sqlite_shared& shared_;
  std::unordered_map<std::string, sqlite_room> rooms_;
  /// Of this transaction.
  std::vector<sqlite_room*> touched_;
  std::vector<digest> added_;
  std::uint64_t last_offset_;
  std::int64_t due_ = 0;
};

} // namespace hubbub::cluster
