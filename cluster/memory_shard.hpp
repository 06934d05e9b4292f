#pragma once

#include "cluster/dedup_table.hpp"
#include "cluster/memory_room.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// A part of the rooms of a log in memory, under one lock. Any thread.
/// Times are milliseconds of one steady clock.
class alignas(64) memory_shard {
public:
  explicit memory_shard(std::shared_ptr<dedup_bound> ids);

  /// A room and its name.
  using entry = std::pair<const std::string, memory_room>;
  struct wanted {
    entry* room;
    std::uint64_t head;
  };
  /// Makes `owner` the one who may publish. The room stays until `forget`, and for ever once it had an event.
  [[nodiscard]] wanted want(const broker::room_name& room, memory_space& space, const void* owner);
  void forget(entry& room, const void* owner) noexcept;

  enum class outcome : std::uint8_t { kept, duplicate, replaced };
  struct kept {
    outcome what;
    std::uint64_t offset = 0;
  };
  /// Gives `e` its offset, what was before it and, where it has none, its id, and keeps it.
  /// `id` when it is to be de-duplicated.
  [[nodiscard]] kept keep(memory_room& room, const void* owner,
                          const std::shared_ptr<broker::stored_event>& e, const std::optional<digest>& id,
                          std::int64_t now, const std::string& epoch);

  /// `not_before`: the request's, on this clock. Leaves the head's epoch out.
  [[nodiscard]] broker::read_result read(const broker::read_request& what, std::int64_t now,
                                         std::int64_t not_before);

  /// Frees what is past its age, if something can be. Holds the lock for a few rooms at a time.
  void sweep(std::int64_t now);

private:
  /// True when the round is over.
  [[nodiscard]] bool sweep_some(std::int64_t now, leftovers& out);
  void list(memory_room& room, std::int64_t at);

  std::mutex mutex_;
  std::unordered_map<std::string, memory_room> rooms_;
  dedup_table seen_;
  /// Rooms that have events, and where the sweep stands among them.
  std::vector<memory_room*> listed_;
  std::size_t sweep_at_ = 0;
  /// Nothing is over before this time; and the same for the round that is under way.
  std::int64_t due_;
  std::int64_t next_due_;
};

} // namespace hubbub::cluster
