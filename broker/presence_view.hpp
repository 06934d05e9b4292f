#pragma once

#include "broker/member_list.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::broker {

/// What one version changed: no `before` is a join, no `after` a leave.
struct roster_step {
  member_ptr before;
  member_ptr after;
};

/// The newest steps of a roster, in segments that are shared with views: the
/// roster writes behind what a view may read, never over it.
class roster_steps {
public:
  /// Step `version` follows the one before it, or begins an empty list.
  void append(std::uint64_t version, roster_step step);
  void clear() noexcept;
  /// The oldest version kept; 0: none.
  [[nodiscard]] std::uint64_t first() const noexcept {
    return segments_.empty() ? 0 : segments_.front()->first;
  }
  [[nodiscard]] const roster_step& at(std::uint64_t version) const noexcept;

  /// About these many steps and bytes of members are kept.
  static constexpr std::size_t max_steps = 1024;
  static constexpr std::size_t max_bytes = 131'072;

private:
  struct segment {
    std::uint64_t first = 0;
    std::uint32_t capacity = 0;
    std::uint32_t used = 0; // the roster's alone: a view knows its last version
    std::size_t bytes = 0;  // the same
    std::unique_ptr<roster_step[]> steps;
  };
  std::vector<std::shared_ptr<segment>> segments_;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
};

/// Some members of a room, in order.
struct member_page {
  std::vector<member> members;
  /// People in the room.
  std::uint32_t count = 0;
  /// There are more behind the last one.
  bool more = false;
};

/// A room's presence at one version, shared by all loops. Never changed; any thread.
class presence_view {
public:
  struct state {
    room_name room;
    std::uint64_t version = 0;
    /// The version of the view before: most readers stand there.
    std::uint64_t previous = 0;
    std::uint32_t count = 0;
    /// Nothing: only the count is told.
    std::optional<member_snapshot> members;
    roster_steps steps;
  };
  explicit presence_view(state s) : state_{std::move(s)} {}

  [[nodiscard]] std::uint64_t version() const noexcept { return state_.version; }
  /// People, not connections.
  [[nodiscard]] std::uint32_t count() const noexcept { return state_.count; }
  /// The whole roster, or nothing where only the count is told.
  [[nodiscard]] std::optional<std::vector<member>> members() const;
  /// At most `limit` members (0: all) behind the user `after` (empty: from the first).
  [[nodiscard]] member_page page(std::size_t limit, std::string_view after = {}) const;

  /// What a reader at version `from` (0: knows nothing) must be told: changes
  /// net of each other, so that who came and went again is in none of the
  /// lists; or a reset when `from` is not to be bridged. A change with neither
  /// lists nor `reset` tells the count alone, and what the reader knew of the
  /// members is no longer so. Nothing: nothing to tell; either way the reader
  /// is at `version()` then.
  [[nodiscard]] std::optional<presence_change> since(std::uint64_t from) const;

  /// `since` as the JSON text to send; null: nothing to tell. Encoded once for
  /// all readers of the view before and once for all resets.
  [[nodiscard]] std::shared_ptr<const std::string> text_since(std::uint64_t from) const;

private:
  struct encoded {
    std::once_flag once;
    std::shared_ptr<const std::string> text;
  };
  [[nodiscard]] bool bridged(std::uint64_t from) const noexcept;
  [[nodiscard]] presence_change reset() const;
  [[nodiscard]] std::shared_ptr<const std::string> encode(std::uint64_t from) const;

  const state state_;
  mutable encoded step_;
  mutable encoded reset_;
};

} // namespace hubbub::broker
