#pragma once

#include "cluster/nats_options.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <vector>

namespace hubbub::cluster {

class jetstream_room;
class retained_stream;

/// What a stream republishes comes at most once, so a lost last event must be looked for: decides when which
/// room compares its position with the log. Each one 250 ms after the last event of a burst, all of them
/// within a second after trouble, and each one every 30 s whatever happens; never more than a few hundred at
/// a time. Rooms of a stream that does not answer are not asked about, and take no other room's place: they
/// are compared when it does. Any thread.
class position_watch : public std::enable_shared_from_this<position_watch> {
public:
  using room_ptr = std::shared_ptr<jetstream_room>;

  explicit position_watch(const nats_intervals& every) : every_{every} {}

  /// A room to look after until it is over.
  void add(const room_ptr& room);
  /// Compares these rooms, one after another, within the time that is allowed for all after trouble.
  void compare_all(const std::vector<room_ptr>& rooms);
  /// A room's event came.
  void event_came(const room_ptr& room);
  /// A room could not be compared, or may be where its log is not: asks again in half a second. Once, however
  /// often it is said until then.
  void try_again(const room_ptr& room);
  /// The log has an event that the room has not had: has it shown unless it comes in the next moment.
  void suspect(const room_ptr& room);
  /// Called about every 20 ms.
  void tick();

  /// Milliseconds of the steady clock.
  [[nodiscard]] static std::int64_t now() noexcept;

private:
  // With `mutex_` held.
  /// One of `of` rooms that are compared within the time that is allowed for all after trouble.
  [[nodiscard]] std::int64_t turn(std::int64_t from, std::size_t which, std::size_t of) const noexcept;
  void park(const room_ptr& room);
  void take_up_parked(std::int64_t at);

  void compare(const room_ptr& room);

  enum class cause : std::uint8_t {
    trouble,
    burst_ended,
    /// It could not be compared; it is marked as waiting.
    again,
    /// It is not to be compared: it shows what it missed.
    suspicion,
  };
  struct due_room {
    std::int64_t due;
    std::weak_ptr<jetstream_room> room;
    cause why;
    bool operator<(const due_room& other) const noexcept { return due > other.due; }
  };

  const nats_intervals every_;
  std::mutex mutex_;
  std::priority_queue<due_room> due_;
  /// Until their stream answers; they are marked as waiting.
  std::map<std::shared_ptr<retained_stream>, std::vector<std::weak_ptr<jetstream_room>>> parked_;
  /// In the order in which they are compared in the slow round.
  std::deque<std::weak_ptr<jetstream_room>> round_;
  /// How many of the round are due, in parts.
  double owed_ = 0;
  std::int64_t last_tick_ = 0;
  std::size_t asking_ = 0;
};

} // namespace hubbub::cluster
