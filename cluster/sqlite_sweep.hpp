#pragma once

#include "cluster/sqlite_batch.hpp"

#include <cstdint>
#include <vector>

namespace hubbub::cluster {

/// Frees what is over in the file: a part of the rooms at each call. The writer's thread only.
class sqlite_sweep {
public:
  sqlite_sweep(sqlite_batch& batch, const sqlite_shared& shared) : batch_{batch}, shared_{shared} {}

  /// SQLITE_OK or an error; the transaction is to be rolled back then.
  [[nodiscard]] int run();

private:
  [[nodiscard]] int some_rooms(std::int64_t now);

  sqlite_batch& batch_;
  const sqlite_shared& shared_;
  std::vector<sqlite_tables::row> rows_;
  /// The last room looked at; 0: between two rounds.
  std::int64_t after_ = 0;
  /// Of this round: nothing that it has seen is over before.
  std::int64_t next_due_ = 0;
};

} // namespace hubbub::cluster
