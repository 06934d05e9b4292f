#include "cluster/sqlite_sweep.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <string_view>

namespace hubbub::cluster {
namespace {

constexpr auto never_due = std::numeric_limits<std::int64_t>::max();
// A second's part: about 10 ms of looking.
constexpr std::int64_t rooms_at_once = 2048;
constexpr std::size_t seen_at_once = 65'536;

} // namespace

int sqlite_sweep::run() {
  const auto now = shared_.clock.unix_ms();
  batch_.seen().sweep(now, seen_at_once);
  auto rc = batch_.tables().begin();
  auto more = true;
  for (auto i = 0; rc == SQLITE_OK && more && i < 16; ++i)
    rc = batch_.tables().forget(now, more);
  if (rc == SQLITE_OK && (after_ != 0 || batch_.due() <= now))
    rc = some_rooms(now);
  if (rc == SQLITE_OK)
    rc = batch_.commit();
  if (rc != SQLITE_OK) { // a full disk, perhaps: what was to go is there still, so it is gone through again
    after_ = 0;
    batch_.set_due(now);
  }
  return rc;
}

int sqlite_sweep::some_rooms(std::int64_t now) {
  if (after_ == 0) {
    next_due_ = never_due;
    // From here on the batch notes what is published meanwhile.
    batch_.set_due(never_due);
  }
  if (const auto rc = batch_.tables().rooms_after(after_, rooms_at_once, rows_); rc != SQLITE_OK)
    return rc;
  for (auto& row : rows_) {
    after_ = row.room.id;
    if (row.room.held == 0)
      continue;
    if (const auto rc = batch_.expire(row, now); rc != SQLITE_OK)
      return rc;
    const auto age =
        shared_.spaces.of(std::string_view{row.name}.substr(0, row.name.find('.'))).history_age.count();
    if (row.room.held > 0 && age > 0)
      next_due_ = std::min(next_due_, row.room.oldest + age);
  }
  if (rows_.size() < static_cast<std::size_t>(rooms_at_once)) {
    after_ = 0;
    batch_.set_due(std::min(batch_.due(), next_due_));
  }
  return SQLITE_OK;
}

} // namespace hubbub::cluster
