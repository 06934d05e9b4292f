#pragma once

#include "broker/conflation.hpp"
#include "broker/cursor.hpp"
#include "broker/excluded_counts.hpp"
#include "broker/segment.hpp"
#include "broker/small_mutex.hpp"
#include "broker/tape_budget.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace hubbub::broker {

/// A look at a tape at one moment. Holds its segments, so keep it for a turn and no longer.
class tape_view {
public:
  /// Where the oldest frame begins, and the offset of the event before it.
  [[nodiscard]] cursor tail() const noexcept;
  /// Where the next frame will begin, and the newest event's offset.
  [[nodiscard]] cursor head() const noexcept { return head_; }

  /// Appends what lies from `from` (not below the tail) to the head to `out`, without what is kept from
  /// `who`, and to `places` where each piece begins on the tape. Returns how many bytes that is.
  std::size_t slices(std::uint64_t from, session_id who, std::vector<std::string_view>& out,
                     std::vector<std::uint64_t>& places) const;

  /// Is anything between `from` and the head kept from anybody?
  [[nodiscard]] bool hides_any(std::uint64_t from) const noexcept;
  /// How many frames between `from` and `to` are kept from `who`.
  [[nodiscard]] std::uint64_t hidden(std::uint64_t from, std::uint64_t to, session_id who) const noexcept;

  /// The cursor behind the frame in which the byte at `place` lies, or that ends there.
  struct boundary {
    cursor at;
    /// What of that frame lies behind `place`.
    std::string_view rest;
  };
  [[nodiscard]] boundary boundary_at(std::uint64_t place) const noexcept;

  /// The cursor behind all events up to `offset`; nullopt when the tape begins later than that.
  [[nodiscard]] std::optional<cursor> find(std::uint64_t offset) const noexcept;
  /// The cursor before the newest `n` frames; nullopt when there are not so many.
  [[nodiscard]] std::optional<cursor> last(std::uint32_t n) const noexcept;
  /// Frames from `place` on, all sessions' together.
  [[nodiscard]] std::uint64_t count_from(std::uint64_t place) const noexcept;
  /// The first frame behind `from`; nullptr at the head.
  [[nodiscard]] const frame_info* first_after(cursor from) const noexcept;
  /// The cursor before the first frame at or behind `from` that is not older than `time_ms`.
  [[nodiscard]] cursor not_before(cursor from, std::int64_t time_ms) const noexcept;

private:
  friend class tape;
  struct place_of {
    std::size_t segment;
    std::uint32_t index;
  };
  [[nodiscard]] place_of locate(std::uint64_t place) const noexcept;
  [[nodiscard]] std::uint32_t count(std::size_t i) const noexcept {
    return i + 1 == list_->size() ? last_count_ : (*list_)[i]->count();
  }

  /// Empty until the tape's first frame.
  std::shared_ptr<const std::vector<segment_ptr>> list_;
  std::uint32_t last_count_ = 0;
  cursor head_;
};

/// The newest part of a room's log as ready-made wire frames. Append-only
/// segments, none for silent rooms, small for quiet and larger for busy ones; bounded by bytes.
/// One writer (whichever loop the room runs on); any thread may look. Its tail is also its budget's, on any
/// thread: what lies before the newest segment may be given up at any time.
class tape {
public:
  struct options {
    /// Index included. From its first frame on, one segment is always there.
    std::uint32_t bytes = 262'144;
    /// Keep what was trimmed by key, this many keys; 0: no.
    std::uint32_t conflate_keys = 0;
    /// Count the excluded frames that were trimmed, so that `dropped` is exact.
    bool count_excluded = false;
  };

  /// `after`: the offset of the newest event that is not on the tape.
  tape(options o, tape_budget& budget, std::uint64_t after);
  ~tape();

  /// Adds the room's next frame; trims the oldest segments beyond the bounds. Where there is no memory for
  /// that the tape is whole all the same, with the frame or without it. The writer only.
  void append(std::string_view frame, const frame_info& info);

  /// A consistent look. Costs a lock and a reference: once per loop, room and turn.
  [[nodiscard]] tape_view look() const;

  /// The same for a reader that was overtaken: what was trimmed belongs to the view's tail.
  struct overtaken_look {
    tape_view view;
    /// Frames kept from `who` that were ever trimmed.
    std::uint64_t excluded = 0;
    /// The newest trimmed event of each key behind `offset`, oldest first.
    std::vector<conflated> newest;
  };
  [[nodiscard]] overtaken_look look_overtaken(session_id who, std::uint64_t offset) const;
  /// `who` begins, or ceases, to read: what is kept from it is counted when it is trimmed. The writer only.
  void expect(session_id who);
  void forget(session_id who);

  /// What its segments take. Any thread.
  [[nodiscard]] std::size_t bytes() const;

private:
  friend class tape_budget;
  using segment_list = std::vector<segment_ptr>;
  [[nodiscard]] tape_view view_of(std::shared_ptr<const segment_list> list) const;
  /// The frame is its first.
  void add_segment(std::string_view frame, const frame_info& info);

  // For the budget, which holds its own lock; any thread.
  /// Gives it its rank.
  [[nodiscard]] tape_budget::rank_change rank();
  /// Gives up the oldest of what it can, and gives it its rank.
  [[nodiscard]] tape_budget::rank_change give_up();
  /// What the budget is charged with for it.
  [[nodiscard]] std::size_t held() const;

  // With the lock held.
  [[nodiscard]] std::size_t all_bytes() const noexcept;
  /// What its rank should be.
  [[nodiscard]] std::size_t worth() const noexcept;
  /// What it throws leaves the list and the sums as they were.
  void trim_oldest(segment_list& from);

  options options_;
  mutable small_mutex mutex_; // beside `options_`, where it takes no room
  tape_budget& budget_;
  const std::uint64_t after_;
  /// The list's last; null before the first frame. The writer's.
  segment* newest_ = nullptr;

  // What follows is guarded by `mutex_`.
  std::size_t bytes_ = 0;
  /// As the budget knows it: changed under its lock, too.
  std::size_t ranked_ = 0;
  std::shared_ptr<const segment_list> list_;
  excluded_counts excluded_;
  /// Null while there is nothing in it.
  std::unique_ptr<conflation> conflation_;
};

} // namespace hubbub::broker
