#pragma once

#include "broker/clock.hpp"
#include "broker/event_bus.hpp"
#include "broker/join_request.hpp"
#include "broker/stream_position.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace hubbub::broker {

/// What a room asks the log for those who want to join it and whose place the tape cannot tell: each question
/// once, for all whom its answer serves. Those who come with positions of the log's present life share
/// questions whatever their positions are: what is asked from one place tells of all that follow, and of
/// those before it one asks next, from the first. The room only.
class log_questions {
public:
  /// Whom an answer serves: those who ask the same, those who stand there or behind it, or those of whom it
  /// is known that nothing is there between them and that place, which may tell of them, too.
  enum class reach : std::uint8_t { same, behind, around };

  struct question {
    std::uint64_t id = 0;
    reach serves = reach::same;
    read_request what;
    /// The room's position when it was asked.
    stream_position head;
    /// What the first one came with.
    std::optional<stream_position> since;
    bool whole_history = false;
    /// Those who wait for the answer and have not left.
    std::vector<join_request> those;
    /// Those who wait for it, too, to ask the next question; in the order of their positions when it is
    /// taken.
    std::vector<join_request> next;
  };

  /// `who` waits for the answer to `what`, in a room that stands at `head`. Returns the number of a question
  /// that is to be asked now; 0: one that is under way serves it, too, or is waited for.
  [[nodiscard]] std::uint64_t add(join_request who, const read_request& what, const stream_position& head);
  /// The answer left it open whether `those` have missed something: they wait for the one to `what`. Returns
  /// the number of that question.
  [[nodiscard]] std::uint64_t add_around(std::vector<join_request> those, const read_request& what,
                                         const stream_position& head);
  /// The log has answered.
  [[nodiscard]] question take(std::uint64_t id);
  /// What the log said a moment ago to the same question; null: it has to be asked. `head` and `now`: the
  /// room's position, and the time.
  [[nodiscard]] const read_result* said_to(const join_request& who, const read_request& what,
                                           const stream_position& head, steady_time now) const;
  /// Keeps the answer to a question that was taken, where it is worth keeping. True: it has, for
  /// `answer_holds`, and is to `forget_old` after it.
  [[nodiscard]] bool keep(const question& asked, const read_result& said, const stream_position& head,
                          steady_time now);
  /// Events grow too old meanwhile, of which a reader is told then.
  static constexpr std::chrono::seconds answer_holds{1};
  /// Gives back an answer that does not hold any more. False: there is one that does.
  bool forget_old(steady_time now) noexcept;

  /// The joins of a session that leaves wait no more. Returns their numbers.
  [[nodiscard]] std::vector<std::uint64_t> leave(session_id who);
  /// Is nothing asked?
  [[nodiscard]] bool empty() const noexcept { return open_.empty(); }
  /// Does it not even know an answer?
  [[nodiscard]] bool blank() const noexcept { return open_.empty() && !newest_; }
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
