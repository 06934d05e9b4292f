#pragma once

#include "broker/clock.hpp"
#include "broker/room_name.hpp"
#include "broker/roster_part.hpp"
#include "cluster/occupancy_message.hpp"
#include "cluster/rendezvous.hpp"
#include "cluster/statement_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

namespace hubbub::cluster {

struct occupancy_options {
  /// Between two messages to one node; what changed meanwhile goes together.
  broker::milliseconds pace{50};
  /// What was not heard is said again after this, then twice that, at most half a lease.
  broker::milliseconds say_again{200};
  /// A node of whom not everything was heard is reminded so often.
  broker::milliseconds remind{300};
  /// What cannot be agreed on for so long is told as it is known here.
  broker::milliseconds lease{4'000};
  /// How long a room's second keeper may take to note that something is about to be told.
  broker::milliseconds note{1'000};
  /// About how large a message may be.
  std::size_t message_bytes = 60'000;
  /// So many notices are told at a time.
  std::size_t notices = 512;
};

/// Which rooms have readers on which nodes, and what backends were told of it: one node's part of the
/// register that `docs/decisions/0009-who-tells-that-a-room-is-occupied.md` describes. Only state: what is to
/// be sent and told is taken out, what came is put in. One thread at a time.
class occupancy {
public:
  occupancy(broker::owner_id self, const occupancy_options& options) : self_{self}, options_{options} {}

  /// The room has readers on this node, or none any more.
  void set(const broker::room_name& room, bool here);
  /// The nodes that keep the register, this one among them, in order of their numbers.
  void members(std::vector<broker::owner_id> all, broker::steady_time now);
  void hear(const occupancy_message& m, broker::steady_time now);
  void hear(const occupancy_heard& m, broker::steady_time now);
  /// `may_tell`: there is a connection, and it is known who there is.
  void tick(broker::steady_time now, bool may_tell);

  struct outgoing {
    broker::owner_id to = 0;
    std::variant<occupancy_message, occupancy_heard> what;
  };
  /// What is to be sent, in order.
  [[nodiscard]] std::vector<outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }

  struct news {
    broker::room_name room;
    bool occupied = false;
  };
  struct batch {
    std::uint64_t id = 0;
    std::vector<news> all;
  };
  /// What backends are to be told now, in order. No other comes before its outcome is known.
  [[nodiscard]] std::optional<batch> take_batch() { return std::exchange(batch_, {}); }
  /// Was it told? False also when that is not known. What became old meanwhile is passed over.
  void told(std::uint64_t batch_id, bool was);

  /// This node ends, and nobody is left to say so: the rooms that backends take for occupied.
  [[nodiscard]] std::vector<broker::room_name> last_words() const;

  [[nodiscard]] std::uint64_t view() const noexcept { return view_; }
  /// Everybody in the view has said all that there is to say.
  [[nodiscard]] bool is_settled() const noexcept { return settled_; }
  /// Nothing is left to be said or told.
  [[nodiscard]] bool is_quiet() const;
  /// Rooms of which something is known.
  [[nodiscard]] std::size_t size() const noexcept { return rooms_.size(); }

private:
  struct reader_node {
    broker::owner_id who = 0;
    /// When it said so: what it did not say again has ended.
    std::uint32_t generation = 0;
  };
  struct entry {
    room_keepers kept_by;
    /// The other nodes with readers. Where this is the first keeper.
    std::vector<reader_node> others;
    bool here = false;
    /// The first keeper may not know yet that `here` has changed.
    bool owes = false;
    told_word word = told_word::nothing;
    /// In which view it was said, when that was not ours.
    std::uint64_t word_view = 0;
    /// With `intent`: how long the second keeper may take.
    broker::steady_time note_until{};
    /// It was occupied, and is not any more, and nothing was told of it.
    bool blip = false;
    /// It is about to be told; the second keeper is to note that first.
    bool intent = false;
    /// It is in the batch.
    bool telling = false;
    /// It is among those that are to be looked at.
    bool queued = false;
  };
  using register_map = std::map<broker::room_name, entry>;
  using place = register_map::iterator;
  struct heard_from {
    std::uint64_t view = 0;
    std::uint64_t number = 0;
    std::uint32_t generation = 0;
    std::uint64_t found_again = 0;
    /// In which view everything was heard to the end.
    std::uint64_t completed_view = 0;
    /// In which it has heard everything itself.
    std::uint64_t settled_view = 0;
    bool begun = false;
    bool complete = false;
    /// What it did not say again was let go.
    bool swept = false;
    broker::steady_time reminded{};
  };

  [[nodiscard]] place obtain(const broker::room_name& room);
  [[nodiscard]] bool is_occupied(const entry& e) const noexcept { return e.here || !e.others.empty(); }
  [[nodiscard]] bool is_first(const entry& e) const noexcept { return e.kept_by.first == self_; }
  [[nodiscard]] bool keeps(const entry& e) const noexcept {
    return e.kept_by.first == self_ || e.kept_by.second == self_;
  }
  [[nodiscard]] bool is_member(broker::owner_id who) const;
  /// Its last readers have gone, for all that is known.
  void emptied(place at);
  void queue(place at);
  void say(broker::owner_id to, const broker::room_name& room);
  [[nodiscard]] bool owes(broker::owner_id to, const broker::room_name& room) const;
  void drop_if_done(place at);

  void agree(broker::steady_time now);
  void sweep(broker::owner_id who, const heard_from& in);
  void tidy();
  /// What was told may have been told otherwise since.
  void doubt_all();
  void take(broker::owner_id from, const heard_from& in, const room_statement& s);
  void take_word(place at, broker::owner_id from, const heard_from& in, told_word word);
  [[nodiscard]] bool has_told_before(const broker::room_name& room) const;

  void speak(broker::owner_id to, broker::steady_time now);
  [[nodiscard]] room_statement statement(const broker::room_name& room, const entry* e, broker::owner_id to,
                                         bool everything) const;
  void remind(broker::steady_time now);
  void decide_all(broker::steady_time now);
  void decide(place at, broker::steady_time now, batch& to);

  const broker::owner_id self_;
  const occupancy_options options_;
  register_map rooms_;
  std::vector<broker::owner_id> members_;
  std::uint64_t view_ = 0;
  broker::steady_time view_since_{};
  bool settled_ = false;
  broker::steady_time unsettled_since_{};
  /// Who there was when this node last decided what to tell.
  std::vector<broker::owner_id> decided_among_;
  /// Who was there once: if such a one comes again, it was cut off, or this node was.
  std::set<broker::owner_id> lost_;
  std::map<broker::owner_id, std::uint64_t> found_again_;
  /// Since the view changed every room was looked at.
  bool queued_all_ = false;
  bool tidied_ = false;

  std::map<broker::owner_id, statement_stream> to_;
  std::map<broker::owner_id, heard_from> from_;
  std::uint64_t numbers_ = 0;
  std::vector<outgoing> outgoing_;

  std::deque<place> queue_;
  std::deque<std::pair<broker::steady_time, broker::room_name>> notes_due_;
  std::optional<batch> batch_;
  std::vector<std::pair<place, told_word>> telling_;
  /// 0: none is being told.
  std::uint64_t telling_id_ = 0;
  std::uint64_t batches_ = 0;
};

} // namespace hubbub::cluster
