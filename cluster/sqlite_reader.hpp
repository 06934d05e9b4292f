#pragma once

#include "broker/event_bus.hpp"
#include "cluster/sqlite_db.hpp"
#include "cluster/sqlite_interest.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// Reads the log from a thread of its own, which calls the handlers: no event loop waits for the disk.
/// Sees what is committed, and no more.
class sqlite_reader {
public:
  /// Reads that may wait.
  static constexpr std::size_t most_waiting = 16'384;

  [[nodiscard]] static broker::result<std::unique_ptr<sqlite_reader>>
  open(const std::string& epoch, std::shared_ptr<const sqlite_shared> shared);
  /// Answers what waits with `unavailable`.
  ~sqlite_reader();

  /// Any thread. Refused with `overloaded`, before this returns, when too many wait.
  void read(broker::read_request what, broker::read_handler done);

private:
  sqlite_reader(database db, const std::string& epoch, std::shared_ptr<const sqlite_shared> shared);
  void run();
  [[nodiscard]] broker::read_result answer(const broker::read_request& what);
  [[nodiscard]] int find(const broker::read_request& what, broker::read_result& out);
  /// The newest event of the room that is over, or too old for the request.
  [[nodiscard]] int passed_over(std::int64_t room, std::int64_t before, std::uint64_t& trimmed);
  [[nodiscard]] int take(std::int64_t room, std::uint64_t after, const broker::read_request& what,
                         broker::read_result& out);

  const std::string epoch_;
  std::shared_ptr<const sqlite_shared> shared_;
  database db_;
  statement begin_, end_, room_, oldest_, forward_, backward_;

  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<std::pair<broker::read_request, broker::read_handler>> waiting_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace hubbub::cluster
