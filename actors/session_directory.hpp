#pragma once

#include "broker/session_id.hpp"

#include <caf/actor_control_block.hpp>

#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_map>

namespace hubbub::actors {

/// Which connection of this node has which session, so that one that resumes finds the one before it. Any
/// thread.
class session_directory {
public:
  /// `who` has the session from now on. Returns who had it until now; null: nobody.
  [[nodiscard]] caf::strong_actor_ptr take(broker::session_id session, const caf::strong_actor_ptr& who);
  /// `who` has it no longer, if it had.
  void leave(broker::session_id session, const caf::strong_actor_ptr& who);
  /// Has `who` the session still?
  [[nodiscard]] bool has(broker::session_id session, const caf::strong_actor_ptr& who);
  void clear();

private:
  struct shard {
    std::mutex mutex;
    std::unordered_map<broker::session_id, caf::strong_actor_ptr> sessions;
  };
  static constexpr std::size_t shards = 64;
  [[nodiscard]] shard& of(broker::session_id session) noexcept { return shards_[session.value % shards]; }

  std::array<shard, shards> shards_;
};

} // namespace hubbub::actors
