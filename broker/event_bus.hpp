#pragma once

#include "broker/event.hpp"
#include "broker/policy.hpp"
#include "broker/stream_position.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hubbub::broker {

/// The room's own number for a publish that is under way.
using publish_token = std::uint64_t;

/// Is it known what became of a refused publish?
enum class publish_outcome : std::uint8_t { not_stored, unknown };

/// What the log says of a publish that it has.
struct stored {
  /// Where the event is; in a duplicate's case, where the first one is.
  stream_position position;
  std::string event_id;
  bool duplicate = false;
};

struct publish_refused {
  refusal why;
  publish_outcome outcome = publish_outcome::not_stored;
  /// The id that a retry must use to be recognised.
  std::string event_id;
};

/// What the bus tells a room that it is interested in.
/// Any thread, also from within a call of the room to the bus; calls for one room never overlap.
class event_bus_handler {
public:
  virtual ~event_bus_handler() = default;

  /// Answers `want`, once: from `head` on every event of the room comes to `on_event`.
  virtual void on_ready(stream_position head) = 0;
  /// `want` could not be fulfilled; the bus tries again by itself and says `on_ready` then.
  virtual void on_unavailable(refusal why) = 0;
  /// The room's next event, in order; a live room's has no offset of its own. False: the room cannot take it
  /// now; the bus drops it, and the room reads from its position when it can.
  [[nodiscard]] virtual bool on_event(stored_event_ptr e) = 0;
  /// A publish is kept. Its event came, or will come, to `on_event` by itself.
  virtual void on_stored(publish_token token, stored what) = 0;
  virtual void on_refused(publish_token token, publish_refused what) = 0;
  /// The log was lost, re-created or set back: positions of another epoch mean nothing.
  virtual void on_epoch(stream_position head) = 0;
  /// So many events of a live room never came, or were not taken. Never of a retained one.
  virtual void on_lost(std::uint64_t count) = 0;
};

/// A room's interest in its events; ends when destroyed. Used by the room
/// only, from whichever loop it runs on.
class interest {
public:
  virtual ~interest() = default;

  /// Asks the log to keep `e`. Answered by exactly one `on_stored` or
  /// `on_refused` with the same token, perhaps before this returns; nothing
  /// is delivered before the log has it. Retained rooms only.
  virtual void publish(publish_token token, event e) = 0;

  /// Tells the other nodes of a live room's event. At most once, no answer.
  virtual void broadcast(const event& e) = 0;
};

/// Which events to read: those after `after` and before `before`.
struct read_request {
  room_name room;
  /// Exclusive; 0: from the first.
  std::uint64_t after = 0;
  /// Exclusive; 0: to the last.
  std::uint64_t before = 0;
  /// At most so many events, and so many bytes of frames (`most_frame_bytes`), but at least one event.
  std::uint32_t limit = 100;
  std::size_t limit_bytes = 262'144;
  /// The newest of them rather than the oldest. Answered oldest first all the same.
  bool newest = false;
  /// Only where the events are is of interest: what else they bear may be missing, and no bytes are counted.
  bool offsets_only = false;
  /// Milliseconds since 1970: older events are passed over as if they had been trimmed. 0: none.
  std::int64_t not_before_ms = 0;
};

struct read_result {
  /// Not `ok`: nothing was read, for this reason.
  refusal why{errc::ok};
  std::vector<stored_event_ptr> events;
  /// There are more in the range than the limits let through.
  bool more = false;
  /// Nothing between `after` and the first of the range was trimmed: what is
  /// here, and `more`, is all that was ever published after `after`.
  bool complete = false;
  /// The log's newest event of the room, and its life.
  stream_position head;

  /// Of an answer to what was asked behind `asked`, without `newest`: is all there that was ever published
  /// behind `offset`, which is not before `asked`? Nullopt: somebody would have to ask from there.
  [[nodiscard]] std::optional<bool> is_whole_behind(std::uint64_t offset,
                                                    std::uint64_t asked) const noexcept {
    if (offset == asked || complete)
      return complete;
    if (offset > head.offset)
      return std::nullopt;
    if (events.empty()) // the newest is gone, too
      return offset == head.offset;
    // A log is trimmed from its oldest event on: from the first that is there, all are.
    return offset >= events.front()->offset ? std::optional{true} : std::nullopt;
  }
};

/// Called once, on any thread, perhaps before `read` returns.
using read_handler = std::function<void(read_result)>;

/// What a log promises about an event that it confirmed.
struct guarantee {
  /// `memory`, `sqlite` or `jetstream`.
  std::string storage;
  /// One sentence for people: what is kept through which failure.
  std::string sentence;
  /// When the disk has an event: `full` before it is confirmed, `normal` soon after, `server` when the log's
  /// servers say so, `none` never.
  std::string sync = "none";
  /// How many servers keep each event.
  std::uint32_t replicas = 1;

  /// Where the log of each namespace is configured by itself, and by whoever may: what that gives.
  struct kept_namespace {
    std::string name;
    std::uint32_t replicas = 1;
    /// `file` or `memory`; empty: not known yet.
    std::string storage;
  };
  std::vector<kept_namespace> namespaces{};
};

/// The log and the other nodes. Any thread; every function returns at once.
class event_bus {
public:
  virtual ~event_bus() = default;

  /// Asks for the events of `room` until the interest is destroyed. At most one interest a room and
  /// node. Calls to `handler` that are under way may still end after that.
  [[nodiscard]] virtual std::unique_ptr<interest> want(const room_name& room,
                                                       std::shared_ptr<event_bus_handler> handler) = 0;

  /// Reads from the log; needs no interest.
  virtual void read(read_request what, read_handler done) = 0;

  [[nodiscard]] virtual guarantee promises() const = 0;

  /// Can it take publishes? Not `ok`: why not.
  [[nodiscard]] virtual refusal health() const = 0;
};

} // namespace hubbub::broker
