#pragma once

#include "broker/clock.hpp"
#include "broker/policy.hpp"
#include "cluster/data_dir.hpp"
#include "cluster/embedded_bus.hpp"
#include "cluster/log.hpp"
#include "cluster/sqlite_interest.hpp"

#include <memory>
#include <string>

namespace hubbub::cluster {

class sqlite_reader;
class sqlite_writer;

/// The log in an SQLite file of a data directory. Two threads of its own, one that writes
/// and one that reads; publishes are answered by the former. Any thread.
class sqlite_log final : public log {
public:
  /// `time` must outlive the log and its interests.
  [[nodiscard]] static broker::result<std::unique_ptr<log>>
  open(const embedded_options& options, const broker::namespaces& spaces, const broker::clock& time);
  /// Writes and answers what was published.
  ~sqlite_log() override;

  [[nodiscard]] std::unique_ptr<broker::interest>
  want(const broker::room_name& room, std::shared_ptr<broker::event_bus_handler> handler) override;
  void read(broker::read_request what, broker::read_handler done) override;
  [[nodiscard]] broker::guarantee promises() const override;
  [[nodiscard]] broker::refusal health() const override;
  [[nodiscard]] const std::string& epoch() const noexcept override { return epoch_; }

private:
  sqlite_log(data_dir dir, embedded_options::sync_mode sync, std::string epoch,
             std::shared_ptr<sqlite_shared> shared);

  // Order matters: the directory is let go when both connections are closed, and the
  // writer's last so that it removes the write-ahead log.
  data_dir dir_;
  const embedded_options::sync_mode sync_;
  const std::string epoch_;
  std::shared_ptr<sqlite_shared> shared_;
  std::unique_ptr<sqlite_writer> writer_;
  std::unique_ptr<sqlite_reader> reader_;
};

} // namespace hubbub::cluster
