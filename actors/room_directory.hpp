#pragma once

#include "actors/node_context.hpp"
#include "actors/room_actor.hpp"
#include "broker/errc.hpp"
#include "broker/room_name.hpp"

#include <caf/actor_control_block.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hubbub::actors {

/// A room that is, or was: `offer` tells.
struct room_ref {
  caf::strong_actor_ptr address;

  [[nodiscard]] explicit operator bool() const noexcept { return address != nullptr; }
  [[nodiscard]] room_actor* get() const noexcept {
    return static_cast<room_actor*>(caf::actor_cast<caf::abstract_actor*>(address));
  }
  [[nodiscard]] room_actor* operator->() const noexcept { return get(); }
};

/// Which rooms there are on this node. Owns their generations: a name leads to
/// one room at a time, made on first need. Any thread.
class room_directory {
public:
  explicit room_directory(node_context& node);

  /// The room of that name; made when there is none.
  [[nodiscard]] room_ref resolve(const broker::room_name& name);
  /// Resolves `name` and puts `m` into the room's mailbox; meets no room that ends. `overloaded`,
  /// `unavailable` (it is held) or `ok`.
  template <class Message>
  [[nodiscard]] broker::errc offer(const broker::room_name& name, Message m, caf::execution_unit* host) {
    if (held_.load(std::memory_order_relaxed) != 0 && held_for(name).count() != 0)
      return broker::errc::unavailable;
    for (;;) {
      const auto r = resolve(name);
      const auto outcome = r->offer(m, host);
      if (outcome != broker::errc::gone)
        return outcome;
      remove(name, r.get());
    }
  }
  /// What is said when `offer` was not answered with `ok`.
  [[nodiscard]] broker::refusal why_not(const broker::room_name& name);
  /// It keeps crashing: nothing is offered to it for so long.
  void hold(const broker::room_name& name, broker::milliseconds wait);
  /// The room of that name, or nothing.
  [[nodiscard]] room_ref find(const broker::room_name& name);
  /// That room takes nothing any more.
  void remove(const broker::room_name& name, const room_actor* which);
  /// Ends all rooms. When no loop runs any more.
  void clear();

  struct row {
    std::string room;
    std::uint32_t readers;
    std::uint32_t people;
    std::uint64_t offset;
  };
  /// Rooms whose names begin with `prefix`, in order, behind `after`; at most `limit`.
  [[nodiscard]] std::vector<row> list(std::string_view prefix, std::string_view after, std::size_t limit);
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

private:
  struct shard {
    std::mutex mutex;
    std::unordered_map<broker::room_name, room_ref> rooms;
    /// Until when they are held.
    std::unordered_map<broker::room_name, broker::steady_time> held;
  };
  static constexpr std::size_t shards = 64;
  [[nodiscard]] shard& of(const broker::room_name& name) noexcept {
    return shards_[std::hash<broker::room_name>{}(name) % shards];
  }
  [[nodiscard]] room_ref make(const broker::room_name& name);
  /// Nothing: it is not held.
  [[nodiscard]] broker::milliseconds held_for(const broker::room_name& name);

  node_context& node_;
  std::array<shard, shards> shards_;
  std::atomic<std::size_t> size_{0};
  /// Rooms in the shards' `held`.
  std::atomic<std::size_t> held_{0};
  std::atomic<std::uint64_t> generation_;
};

} // namespace hubbub::actors
