#pragma once

#include "broker/clock.hpp"
#include "broker/event_bus.hpp"
#include "broker/join_request.hpp"
#include "broker/stream_position.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace hubbub::broker {

/// What a room asks the log for those who want to join it and whose place the tape cannot tell: each question
/// once, for all whom its answer serves. The room only.
class log_questions {
public:
  struct question {
    std::uint64_t id = 0;
    read_request what;
    /// The room's position when it was asked.
    stream_position head;
    /// What the first one came with.
    std::optional<stream_position> since;
    bool whole_history = false;
    /// Those who wait for the answer and have not left.
    std::vector<join_request> those;
  };

  /// `who` waits for the answer to `what`, in a room that stands at `head`. Returns the number of a question
  /// that is to be asked now; 0: one that is under way serves it, too.
  [[nodiscard]] std::uint64_t add(join_request who, const read_request& what, const stream_position& head);
  /// The log has answered.
  [[nodiscard]] question take(std::uint64_t id);
  /// What the log said a moment ago to the same question; null: it has to be asked. `head` and `now`: the
  /// room's position, and the time.
  [[nodiscard]] const read_result* said_to(const join_request& who, const read_request& what,
                                           const stream_position& head, steady_time now) const;
  /// Keeps the answer to a question that was taken, where it is worth keeping.
  void keep(const question& asked, const read_result& said, const stream_position& head, steady_time now);

  /// The joins of a session that leaves wait no more. Returns their numbers.
  [[nodiscard]] std::vector<std::uint64_t> leave(session_id who);
  /// Is nothing asked?
  [[nodiscard]] bool empty() const noexcept { return open_.empty(); }
  /// How many joins wait.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
  /// After a change of the log's life everybody comes back with the same question, some before its answer and
  /// most after it. As long as nothing is published the answer stays what it was.
  struct answer {
    question to;
    read_result said;
    steady_time until;
  };

  [[nodiscard]] static bool serves(const question& q, const join_request& who, const read_request& what,
                                   const stream_position& head) noexcept;

  std::vector<question> open_;
  std::size_t waiting_ = 0;
  std::uint64_t last_id_ = 0;
  std::unique_ptr<const answer> newest_;
};

} // namespace hubbub::broker
