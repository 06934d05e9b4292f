#pragma once

#include "broker/policy.hpp"
#include "broker/push.hpp"
#include "broker/tape.hpp"

#include <cstdint>
#include <optional>

namespace hubbub::broker {

/// Where a reader that looks back begins, and what it is told of that.
struct starting_point {
  /// What follows continues behind it.
  std::uint64_t offset = 0;
  /// Only for a reader that came with a position: does everything behind that follow?
  std::optional<bool> recovered;
  std::optional<gap> hole;
  /// The position that it has then, where that is farther: nothing of the room lies between.
  std::uint64_t position = 0;
};

/// Decides where a reader begins that comes back to a retained room with a position: rules only. The tape
/// is asked first, the log where the tape does not reach. Lives for one decision.
class recovery {
public:
  /// `since` is what the reader had, `head` the room's position. Without the right to the `whole` history
  /// it looks back no farther than `recover_age`. `now_ms`: milliseconds since 1970.
  recovery(const room_name& room, const policy& rules, const stream_position& since,
           const stream_position& head, bool whole, std::int64_t now_ms) noexcept;

  /// Nullopt: the tape cannot tell.
  [[nodiscard]] std::optional<starting_point> on_tape(const tape_view& view) const;
  /// What the log is asked then, and what follows from its answer.
  [[nodiscard]] read_request question() const;
  [[nodiscard]] starting_point in_log(const read_result& said) const;
  /// The same when the log was asked for somebody else of this life, who stood behind `asked`. Of those
  /// before that place it must be known that nothing is there between them and it. Nullopt: that answer
  /// cannot tell.
  [[nodiscard]] std::optional<starting_point> in_log(const read_result& said, std::uint64_t asked) const;

  /// Is it a position of the log's present life, that the room has reached? Only those share answers.
  [[nodiscard]] bool same_life() const noexcept { return same_life_; }

private:
  [[nodiscard]] starting_point behind(std::uint64_t offset, std::optional<std::uint64_t> first) const;

  const room_name& room_;
  const policy& rules_;
  const stream_position& since_;
  const stream_position& head_;
  /// A position of another epoch says nothing.
  bool same_epoch_;
  /// The room has reached it.
  bool same_life_;
  std::int64_t oldest_wanted_ms_;
  std::int64_t oldest_kept_ms_;
};

} // namespace hubbub::broker
