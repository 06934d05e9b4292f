#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hubbub::cluster {

/// How many ids the tables of one log remember together. Any thread.
struct dedup_bound {
  /// About 100 bytes each.
  static constexpr std::size_t usual = 1 << 21;

  explicit dedup_bound(std::size_t ids = usual) : most{ids} {}

  const std::size_t most;
  /// What a table may have of its own, however much the others have.
  const std::size_t each = most / 128;
  std::atomic<std::size_t> held{0};
  /// Ids that had to make room for others before their window was over.
  std::atomic<std::uint64_t> forgotten_early{0};
};

} // namespace hubbub::cluster
