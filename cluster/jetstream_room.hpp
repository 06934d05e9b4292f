#pragma once

#include "broker/event_bus.hpp"
#include "cluster/call_order.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/retained_stream.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace hubbub::cluster {

class position_watch;

/// A retained room that somebody is interested in here: what its stream republishes, in order, and its
/// publishes. Any thread; the handler is called by one thread at a time.
class jetstream_room : public std::enable_shared_from_this<jetstream_room> {
public:
  jetstream_room(std::shared_ptr<jetstream_context> with, std::shared_ptr<retained_stream> stream,
                 std::shared_ptr<position_watch> watch, broker::room_name name,
                 std::shared_ptr<broker::event_bus_handler> handler);

  /// Subscribes, and asks where the log stands. Once.
  void open();
  /// No event is told to the handler any more; what is asked of it is answered all the same.
  void end();

  void publish(broker::publish_token token, broker::event e);

  /// Asks the stream's leader whether something was lost; `done` is called when that is known, or cannot be.
  /// A room that is not ready tries to become it.
  void compare(std::function<void()> done);
  /// The stream has begun anew: nothing of it is taken until the room is compared.
  void begin_anew();
  /// Events may have come and gone unseen.
  void doubt();
  /// A message of the log that was read after trouble, in the life that `epoch` names. `whole_since`: all
  /// that the log took behind what it had at that time, of `steady_clock`, was read before this one; none:
  /// some of it may have been trimmed.
  void caught_up(const log_place& at, const std::string& epoch, const nats_message& m,
                 std::optional<std::int64_t> whole_since);
  /// The event that a comparison found, unless it came meanwhile.
  void show_missed();

  [[nodiscard]] const broker::room_name& name() const noexcept { return name_; }
  [[nodiscard]] const std::shared_ptr<retained_stream>& stream() const noexcept { return stream_; }
  /// Of `steady_clock`, when the last event came.
  [[nodiscard]] std::int64_t last_event() const noexcept { return last_event_; }
  /// True: the watch has it already, to compare it at the end of a burst.
  [[nodiscard]] bool mark_watched(bool yes) noexcept { return watched_.exchange(yes); }
  /// The same for what could not be compared, and is to be again.
  [[nodiscard]] bool mark_waiting(bool yes) noexcept { return waiting_.exchange(yes); }
  [[nodiscard]] bool is_over() const noexcept { return over_; }

private:
  enum class phase : std::uint8_t { opening, beginning_anew, ready, over };

  void message_came(const nats_message& m);
  /// What was known when the stream's leader was asked.
  struct question {
    broker::stream_position reached;
    /// Of `steady_clock`.
    std::int64_t at = 0;
  };
  void head_came(nats_link::fate f, const js::message& m, const question& asked);
  struct arrival {
    broker::stored_event_ptr event;
    /// Of its message.
    std::uint64_t fingerprint = 0;
  };
  void arrived(arrival a);
  /// `fingerprint`: of the message at the head; 0: there is none.
  void opened(std::uint64_t head, std::uint64_t fingerprint, const question& asked);
  /// The stream has a message at the room's position. Is it the one that was had there?
  [[nodiscard]] bool is_had(std::uint64_t fingerprint) const noexcept;
  /// Had every event that was there by now its time to come? None is gone again sooner than its stream's age.
  [[nodiscard]] bool missed_nothing() const;
  void not_opened(broker::refusal why);
  /// The room is further than its log, by the leader's word: has the stream reached its place by now? Anybody
  /// who may publish to the subject can claim one.
  void prove_position(const std::string& epoch);
  void leave_false_position();
  void missed(const js::message& newest);
  /// `epoch`: of the life in which it was published.
  void answered(broker::publish_token token, const std::string& event_id, const std::string& epoch,
                nats_link::fate f, const nats_message& m);
  void refuse(broker::publish_token token, broker::refusal why, broker::publish_outcome outcome,
              std::string event_id);

  const std::shared_ptr<jetstream_context> with_;
  const std::shared_ptr<retained_stream> stream_;
  const std::shared_ptr<position_watch> watch_;
  const broker::room_name name_;
  std::atomic<std::int64_t> last_event_{0};
  std::atomic<bool> watched_{false};
  std::atomic<bool> waiting_{false};
  std::atomic<bool> over_{false};

  call_order calls_;
  // Within `calls_` only.
  std::shared_ptr<broker::event_bus_handler> handler_;
  nats_link::subscription subscription_;
  phase phase_ = phase::opening;
  bool told_unavailable_ = false;
  /// Looks in a row after which the stream had not reached the room's place.
  std::uint8_t unreached_ = 0;
  std::uint64_t position_ = 0;
  /// Of the message at the position; 0: not known.
  std::uint64_t fingerprint_ = 0;
  /// Of `steady_clock`: by then there was nothing behind the position. None: nobody knows.
  std::optional<std::int64_t> sure_at_;
  /// An event that the log has, and that may be on its way; null: none.
  std::unique_ptr<arrival> suspected_;
  /// Events that came before it was known where the log stands; null: none.
  std::unique_ptr<std::vector<arrival>> early_;
};

} // namespace hubbub::cluster
