#pragma once

#include "broker/event.hpp"
#include "broker/policy.hpp"
#include "cluster/dedup_table.hpp"
#include "cluster/sqlite_db.hpp"
#include "cluster/sqlite_room.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::cluster {

/// The writer's statements. Every function returns SQLITE_OK or an error; the writer's thread only.
class sqlite_tables {
public:
  /// Refuses when the file has not the tables it should have.
  [[nodiscard]] static broker::result<sqlite_tables> prepare(database& db);

  [[nodiscard]] int load(sqlite_room& room, std::string_view name);
  /// Makes a row for a room that has none.
  [[nodiscard]] int insert(sqlite_room& room, std::string_view name);
  [[nodiscard]] int save(const sqlite_room& room);

  [[nodiscard]] int append(const sqlite_room& room, const broker::stored_event& e, std::int64_t at);
  /// Takes out what is too many or came at `over` or before.
  [[nodiscard]] int trim(sqlite_room& room, std::uint32_t most, std::int64_t over);
  /// Is there an event at `offset` that is this one? A retry of one whose id we made.
  [[nodiscard]] int is_kept(const sqlite_room& room, std::uint64_t offset, const broker::event& e,
                            bool& answer);

  [[nodiscard]] int remember(const digest& id, std::uint64_t offset, std::int64_t expires);
  /// Reads what is remembered.
  [[nodiscard]] int recall(dedup_table& into, std::int64_t now);
  /// Forgets what is over, at most a few thousand; `more` when there is more.
  [[nodiscard]] int forget(std::int64_t now, bool& more);

  struct row {
    std::string name;
    sqlite_room room;
  };
  /// At most `most` rooms, by their ids, after `id`.
  [[nodiscard]] int rooms_after(std::int64_t id, std::int64_t most, std::vector<row>& into);
  /// Writes, and changes nothing.
  [[nodiscard]] int probe();
  [[nodiscard]] int begin() { return begin_.run(); }
  [[nodiscard]] int commit() { return commit_.run(); }
  void roll_back() { static_cast<void>(rollback_.run()); }

private:
  explicit sqlite_tables(database& db);

  statement load_, insert_, save_, append_, oldest_, trim_, is_kept_, remember_, recall_, seen_oldest_,
      forget_, rooms_, probe_, begin_, commit_, rollback_;
  sqlite3* db_;
};

} // namespace hubbub::cluster
