#pragma once

#include "broker/attendance.hpp"
#include "broker/clock.hpp"
#include "broker/event_bus.hpp"
#include "broker/feed.hpp"
#include "broker/frame_maker.hpp"
#include "broker/join_request.hpp"
#include "broker/log_questions.hpp"
#include "broker/presence.hpp"
#include "broker/push.hpp"
#include "broker/recovery.hpp"
#include "broker/room_surroundings.hpp"
#include "broker/roster_bus.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hubbub::broker {

struct join_answer {
  feed_ptr from;
  /// Where the reader begins; `audience::off_tape` as place: in the log.
  cursor at;
  joined what;
  std::optional<gap> hole;
  std::uint64_t presence_version = 0;
};

/// A reader that outlived its room's crash.
struct adopted_reader {
  session_id session;
  std::string user;
  std::string user_info;
  std::string info;
  wire_format format = wire_format::websocket;
  bool presence = false;
};

/// Where a room's decisions go. Called from within the room's functions, on the thread it runs on.
class room_output {
public:
  virtual ~room_output() = default;
  virtual void on_joined(std::uint64_t id, join_answer answer) = 0;
  virtual void on_join_refused(std::uint64_t id, refusal why) = 0;
  virtual void on_published(publish_token token, stored what) = 0;
  virtual void on_publish_refused(publish_token token, publish_refused why) = 0;
  virtual void on_members(std::uint64_t id, member_page page) = 0;
  /// The feed that the readers of a loop go on with after a crash.
  virtual void on_adopted(std::uint32_t loop, feed_ptr from) = 0;
  /// These loops have to look at the feed: events, or presence.
  virtual void tell_news(const feed_ptr& from, std::uint64_t loops) = 0;
  virtual void tell_presence(const feed_ptr& from, std::uint64_t loops) = 0;
  /// Much was written since the last time: the readers of the loop that the room runs on must be sent it
  /// now, or a burst would overtake readers that are not slow at all.
  virtual void send_now(const feed_ptr& from) = 0;
  /// Calls `room::flush_news`, `room::tick`, `room::mind_log` after so long.
  virtual void delay_news(milliseconds by) = 0;
  virtual void delay_tick(milliseconds by) = 0;
  virtual void delay_log(milliseconds by) = 0;
  /// Reads from the log; `done` is called on the room's thread, perhaps at once.
  virtual void read(read_request what, read_handler done) = 0;
  /// The room's word to its people's other nodes, and theirs to it; null: there are none.
  virtual std::unique_ptr<roster_interest> follow_roster() = 0;
  /// The encoder of the loop that the room runs on.
  virtual frame_maker& frames() = 0;
};

/// One room's rules and state: its position, its tapes, its roster, who reads
/// where. Decides; what follows from it goes to `room_output`. One thread at a time.
class room {
public:
  /// `generation` rises each time any room is made, by more than a room's presence can change in its
  /// life: presence versions begin there, and so never go back. `rules`, `around` and `out` must outlive it.
  room(room_name name, const policy& rules, std::uint64_t generation, const room_surroundings& around,
       room_output& out);
  room(room_name name, const policy& rules, std::uint64_t generation, const room_surroundings&& around,
       room_output& out) = delete;
  ~room();

  // From clients.
  void join(join_request who);
  /// `goes_on`: it is about to join over another connection.
  void leave(session_id who, bool goes_on = false);
  /// False: that session is not here.
  [[nodiscard]] bool update(session_id who, std::string_view info);
  void publish(publish_token token, event e);
  void adopt(std::uint32_t loop, std::vector<adopted_reader> readers);
  /// Answered by `on_members`.
  void members(std::uint64_t id, std::uint32_t limit, std::string after);
  [[nodiscard]] std::uint32_t people() const noexcept { return roster_ ? roster_->count() : 0; }

  // From the bus.
  void attach(std::unique_ptr<interest> to) { interest_ = std::move(to); }
  /// Ends its interests; nothing else is called after that.
  void detach() noexcept {
    interest_.reset();
    others_.reset();
  }
  void ready(stream_position head);
  /// The log was lost, re-created or set back: its readers are sent away, to join again.
  void began_anew(stream_position head);
  void unavailable(refusal why);
  [[nodiscard]] bool event_came(const stored_event_ptr& e);
  /// Events came that could not be taken.
  void missed();
  /// So many of a live room's events never came: its readers are told.
  void lost(std::uint64_t count);

  // From other nodes.
  void hear(const roster_part& part);
  void forget(owner_id owner);
  void asked_for_people(const roster_asker& who);
  /// What the others have of its people is there.
  void heard_all();

  // Time.
  void flush_news();
  void tick();
  /// Asks the log again for what it could not say, and gives back what it said a while ago.
  void mind_log();
  /// Had it no reader for that long, and does nothing else keep it alive?
  [[nodiscard]] bool may_end(milliseconds patience) const;

  [[nodiscard]] const room_name& name() const noexcept { return name_; }
  [[nodiscard]] const policy& rules() const noexcept { return rules_; }
  [[nodiscard]] const stream_position& position() const noexcept { return position_; }
  [[nodiscard]] std::size_t readers() const noexcept { return readers_.size(); }
  [[nodiscard]] bool is_live() const noexcept { return rules_.kind == room_kind::live; }

private:
  void place(join_request who);
  void place_since(join_request who);
  void place_history(join_request who);
  void answer(const join_request& who, starting_point there);
  /// Asks the log, unless it is asked that already; goes on with `log_said`, but for who has left meanwhile.
  void ask_log(join_request who, read_request what);
  void read_for(std::uint64_t question, read_request what);
  /// Asks once more for those whom an answer could not serve.
  void ask_around(const log_questions::question& asked, std::vector<join_request> those);
  /// False: the answer cannot tell, and `who` is as it was.
  [[nodiscard]] bool log_said(join_request& who, const read_request& asked, log_questions::reach serves,
                              const read_result& said);
  /// Has the reader had, on another node, what the log has and the room has not heard of yet?
  [[nodiscard]] bool has_had_more(const join_request& who, const read_result& said) const noexcept;
  /// Would the reader begin where the log is, and the room, which hears of it a little later, is not yet?
  [[nodiscard]] bool is_ahead(const join_request& who, const read_result& said) const noexcept;
  [[nodiscard]] recovery recovery_of(const join_request& who) const noexcept;
  void serve_waiting();
  void stop_waiting(session_id who);

  /// Nobody reads, waits for, or asks anything of it.
  [[nodiscard]] bool idle() const noexcept;
  template <class Function>
  void for_each_tape(Function&& f) {
    for (std::size_t i = 0; i < wire_formats; ++i)
      if (auto* t = feed_->writable(static_cast<wire_format>(i)))
        f(*t);
  }
  void open_feed();
  void make_feed(std::uint64_t after);
  /// The tape cannot go on without a hole: another one begins behind `after`, on which those who stand
  /// further back find out what they have missed.
  void renew_feed(std::uint64_t after);
  /// Brings the tape up to the log's head: after a hole, or when it is new and somebody looks back.
  void load(std::uint64_t after, bool newest);
  void mind_log_later();
  void loaded(read_result r);
  /// Does anybody wait to read in that format?
  [[nodiscard]] bool is_awaited_in(wire_format f) const noexcept;
  void append(const stored_event& e);
  void append_live(stored_event e);
  /// What `frames` has begun goes on the tapes, and to their readers in time.
  void append_frames(frame_maker& frames);
  void seat(session_id who, std::uint32_t loop, wire_format format, bool presence, std::string_view user,
            std::string_view user_info, std::string_view info);
  struct members_question {
    std::uint64_t id;
    std::uint32_t limit;
    std::string after;
  };
  void say_members(const members_question& q);
  void presence_changed();
  void open_roster();
  /// Are its people on other nodes not known yet?
  [[nodiscard]] bool hears_first() const noexcept { return others_ && !heard_all_; }
  void tell_other_nodes();

  room_name name_;
  const policy& rules_;
  const room_surroundings& around_;
  room_output& out_;
  std::unique_ptr<interest> interest_;

  enum class state : std::uint8_t { opening, ready, unavailable } state_ = state::opening;
  /// Only while it is unavailable.
  std::unique_ptr<const refusal> trouble_;
  stream_position position_;
  std::uint64_t generation_;

  feed_ptr feed_;
  std::uint64_t feeds_ = 0;
  /// Bytes on the tape since the readers of the loop that it runs on were last sent what there was.
  std::size_t unsent_ = 0;
  /// The tape is being filled from the log; events that come meanwhile are read afterwards.
  bool loading_ = false;
  bool missed_some_ = false;
  bool load_failed_ = false;
  bool news_delayed_ = false;
  bool tick_delayed_ = false;
  bool log_delayed_ = false;

  /// Made with the first reader: most rooms of a large node have none.
  std::unique_ptr<roster> roster_;
  std::unique_ptr<roster_interest> others_;
  bool heard_all_ = false;
  std::uint64_t presence_shown_ = 0;
  attendance readers_;
  steady_time no_readers_since_;

  struct adoption {
    std::uint32_t loop;
    std::vector<adopted_reader> readers;
  };
  struct waiting {
    /// Until the room is ready and its tape loaded.
    std::vector<join_request> joins;
    std::vector<adoption> adoptions;
    /// For what other nodes have.
    std::vector<members_question> members;
    /// For an answer of the log.
    log_questions asking;
  };
  [[nodiscard]] waiting& waits() {
    if (!waiting_)
      waiting_ = std::make_unique<waiting>();
    return *waiting_;
  }
  /// Who waited has been served: gives back what that took, when it was the last.
  void served() noexcept;
  /// Null while nobody waits for anything, as in most rooms at most times.
  std::unique_ptr<waiting> waiting_;
};

} // namespace hubbub::broker
