#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/event_bus.hpp"
#include "broker/policy.hpp"
#include "broker/supervisor.hpp"
#include "cluster/dedup_bound.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace hubbub::cluster {

struct embedded_options {
  /// Where the log is kept; empty: in memory.
  std::string data_dir;
  enum class sync_mode : std::uint8_t {
    /// On the disk before it is confirmed.
    full,
    /// With the system before it is confirmed, on the disk a little later.
    normal,
  };
  sync_mode sync = sync_mode::full;
  /// For what breaks in the log's threads; outlives the bus. Null: it ends the process.
  broker::supervisor* answers = nullptr;
  /// How many ids the log remembers; shared by all who were given a copy of these options.
  std::shared_ptr<dedup_bound> ids = std::make_shared<dedup_bound>();
};

/// The bus of a node without others: its log is in the process or on its disk.
/// Opens or creates it. A data directory that is broken, read-only or in use is
/// a refusal (`unavailable`) with one sentence that names the file.
/// `time` must outlive the bus and its interests.
[[nodiscard]] broker::result<std::unique_ptr<broker::event_bus>>
open_embedded_bus(const embedded_options& options, const broker::namespaces& spaces,
                  const broker::clock& time);

} // namespace hubbub::cluster
