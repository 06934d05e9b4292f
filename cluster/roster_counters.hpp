#pragma once

#include <atomic>
#include <cstdint>

namespace hubbub::cluster {

/// What happened between nodes, as `/metrics` shows it. Any thread.
struct roster_counters {
  /// Messages that were none of ours, or said what cannot be; each is logged once a minute, too.
  std::atomic<std::uint64_t> malformed{0};
  /// Messages that only newer nodes understand.
  std::atomic<std::uint64_t> newer{0};
  /// Well formed, but not where it belongs.
  std::atomic<std::uint64_t> foreign{0};
  /// How often a room was asked about because a part that was told had not arrived here.
  std::atomic<std::uint64_t> missed{0};
  /// Rooms that another node was asked about.
  std::atomic<std::uint64_t> asked{0};
  /// Parts told, without answers.
  std::atomic<std::uint64_t> told{0};
  /// Nodes that ended, or were not heard any more.
  std::atomic<std::uint64_t> gone{0};
  /// Notices that a room is occupied or vacated.
  std::atomic<std::uint64_t> noticed{0};
};

} // namespace hubbub::cluster
