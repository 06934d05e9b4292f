#pragma once

#include "actors/joined_room.hpp"
#include "actors/loop_unit.hpp"
#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "actors/question.hpp"
#include "actors/resumption.hpp"
#include "broker/backend.hpp"
#include "broker/command.hpp"
#include "broker/connection.hpp"
#include "broker/grants.hpp"
#include "broker/liveness.hpp"
#include "broker/notice.hpp"
#include "broker/protocol.hpp"
#include "broker/rate_limit.hpp"
#include "broker/tickets.hpp"
#include "broker/timing_wheel.hpp"
#include "broker/user_connections.hpp"

#include <caf/monitorable_actor.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::actors {

/// Reminds a connection; on its loop's wheel.
struct connection_timer : broker::timer_node {
  connection_actor* owner = nullptr;
};

/// How those are sent away whom an operator has revoked.
[[nodiscard]] broker::disconnect revoked();

/// One client session: who it is, what it may do, which rooms it reads.
/// An actor that the event loop of its socket runs: everything but `enqueue`
/// is for that loop. Its mailbox is bounded by what it has asked for.
class connection_actor final : public caf::monitorable_actor,
                               public broker::connection_handler,
                               public broker::protocol::command_sink {
public:
  /// As its handshake showed it.
  struct arrival {
    /// Null: not known yet.
    std::shared_ptr<const broker::identity> who;
    broker::session_id session;
    /// It showed the ticket of its session.
    bool by_ticket = false;
    /// Its user's.
    broker::user_connections::place place{};
  };
  connection_actor(caf::actor_config& cfg, loop_unit& at, arrival as);
  ~connection_actor() override;

  // -- its socket ---------------------------------------------------------------
  void on_open(broker::connection& c) override;
  void on_message(std::string_view text) override;
  void on_binary() override;
  void on_writable() override;
  void on_control_sent() override;
  void on_closed() override;

  // -- its mailbox --------------------------------------------------------------
  /// Any thread.
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  void enqueue(caf::strong_actor_ptr sender, caf::message_id id, caf::message content,
               caf::execution_unit* host) override;
  void read_letter(caf::mailbox_element& what);

  // -- its loop -----------------------------------------------------------------
  void on_timer(broker::steady_time now);
  /// The room crashed: what was asked of it will not be answered.
  void room_lost(const broker::room_name& room);
  void close(const broker::disconnect& why);
  /// The node ends: goodbye once all that was asked is answered, or a moment later. False: it goes already.
  bool send_home(std::uint32_t retry_after_ms);
  [[nodiscard]] bool is_sent_home() const noexcept { return home_retry_ms_ != 0; }
  /// Runs a handler: what breaks in it ends this session, not the process.
  template <class Handler>
  void guarded(Handler handle) noexcept {
    try {
      handle();
    } catch (const std::exception& e) {
      crashed(e.what());
    } catch (...) {
      crashed(broker::strange_exception);
    }
  }

  [[nodiscard]] broker::session_id session() const noexcept { return to_.session; }
  [[nodiscard]] const broker::identity* who() const noexcept { return who_.get(); }
  /// Only while it is open.
  [[nodiscard]] std::string_view remote() const noexcept { return to_.wire->remote_address(); }
  [[nodiscard]] std::size_t rooms() const noexcept { return joined_.size(); }
  std::size_t place_in_loop = 0;

  const char* name() const override { return "connection"; }

private:
  // Commands.
  [[nodiscard]] bool on_command(broker::command&& c) override;
  [[nodiscard]] bool on_bad(std::string id, broker::refusal why) override;
  void run(broker::command&& c);
  void run_allowed(broker::command&& c);
  void run_auth(const std::string& id, broker::auth_command&& c);
  void run_join(const std::string& id, broker::join_command&& c);
  void run_leave(const std::string& id, const broker::leave_command& c);
  void run_publish(const std::string& id, broker::publish_command&& c);
  void run_publish_via_backend(const std::string& id, broker::event&& what);
  void run_call(const std::string& id, broker::call_command&& c);
  void run_history(const std::string& id, const broker::history_command& c);
  void run_presence(const std::string& id, broker::presence_command&& c);
  void run_update(const std::string& id, broker::update_command&& c);
  void run_resume(const std::string& id, broker::resume_command&& c);
  /// Has a large answer: one of those at a time, so that the control lane stays bounded.
  [[nodiscard]] static bool is_large(const broker::command& c) noexcept;
  /// Must something before it be answered first?
  [[nodiscard]] bool must_wait(const broker::command& c) const noexcept;
  void run_waiting();

  // Answers.
  void answered(question q, answer& a);
  void joined(question& q, broker::join_answer& a);
  [[nodiscard]] broker::backend_handler backend_answer_to(std::uint32_t slot);
  /// Has it as many of the node's requests to backends as one connection may have? `ok`: no.
  [[nodiscard]] broker::refusal backend_share() const;
  void backend_said(const question& q, broker::backend_answer& a);
  /// Says what waits for room in the lane.
  void say_held();
  joined_room& take_seat(const broker::room_name& room, std::string info, bool presence,
                         std::uint64_t presence_version, const broker::join_answer& a);
  void say_gap(const broker::gap& hole);
  void said(std::string_view text);
  void refuse(std::string_view id, const broker::refusal& why);
  void forbid(std::string_view id, std::string_view what, const broker::room_name& room);
  void count_refused(const broker::refusal& why);
  void count_refused(const broker::backend_answer& a);
  void tell_backends(broker::notice_kind what);
  /// That its session is gone, if they were told that it came.
  void tell_disconnected();
  void tell_refused(std::string_view code, std::string_view message);

  void crashed(const char* why);
  /// Takes a place of that user's, who was nobody until now. Not `ok`: it has none left.
  [[nodiscard]] broker::refusal take_place(const std::string& user, broker::session_id session);
  /// True: that one is refused for a while, and this connection closed.
  [[nodiscard]] bool is_held_back(const broker::identity& who);

  // Its session, which may go on over another connection.
  /// A ticket for now, and when the next one is due; empty: none is given.
  [[nodiscard]] std::string new_ticket();
  [[nodiscard]] broker::steady_time check_ticket(broker::steady_time now);
  [[nodiscard]] bool is_revoked(const broker::identity& who) const;
  /// Says to the node that this connection has its session, and to the one that has had it that it is over.
  void take_session();
  void leave_session();
  [[nodiscard]] bool has_session();
  void give_up_session(const session_taken& by);
  void session_is_free();
  void let_next_go_on();
  /// Not `ok`: the ticket does not count on this connection.
  [[nodiscard]] broker::refusal go_on_with(broker::ticket&& t);
  void ask_rooms();
  void resumed(const question& q, answer& a);
  void finish_resume();

  // State.
  void admit(std::shared_ptr<const broker::identity> who);
  void say_welcome();
  void schedule(broker::steady_time now);
  /// Each closes the connection, or says when to look again.
  [[nodiscard]] broker::steady_time check_authentication(broker::steady_time now);
  [[nodiscard]] broker::steady_time check_expiry(broker::steady_time now);
  [[nodiscard]] broker::steady_time check_alive(broker::steady_time now);
  void go_home();
  /// When it is to go, and all that it asked was answered.
  void go_home_if_answered();
  [[nodiscard]] broker::right rights_in(const broker::room_name& room) const noexcept;
  [[nodiscard]] joined_room* find(const broker::room_name& room) noexcept;
  template <class Message>
  void offer(std::uint32_t slot, joined_room* known, const broker::room_name& room, Message m);
  /// Asks a room for a seat; `what` says what the client wants of it.
  /// As a room sees who asks.
  [[nodiscard]] caller asks(std::uint32_t slot);
  void ask_to_join(std::uint32_t slot, const broker::room_name& room, broker::right rights,
                   broker::join_request what);
  /// A room could not be asked.
  void give_back(std::uint32_t slot, const broker::refusal& why);
  void fail(question q, const broker::refusal& why, broker::publish_outcome outcome);
  void leave(std::size_t i, bool goes_on = false);
  /// All rooms, also those that have not answered yet; what waits is given up. `goes_on`: the session does,
  /// over another connection.
  void leave_all(bool goes_on = false);
  void ask_anew(const broker::room_name& room);
  void mind_reading();

  loop_unit& at_;
  broker::recipient to_;
  std::shared_ptr<const broker::identity> who_;
  /// One of those that its user may have; empty: they are not counted, or nobody is known yet.
  broker::user_connections::place place_;
  broker::rate_limit commands_;
  connection_timer timer_;
  std::vector<std::unique_ptr<joined_room>> joined_;
  open_questions questions_;
  /// Commands that wait for one before them; reading pauses while there are any.
  std::vector<broker::command> waiting_;
  /// Answers to calls for which the control lane has no room; bounded by the commands in flight, and by the
  /// places among the node's requests that they keep.
  struct held_answer {
    std::string text;
    std::shared_ptr<const void> place;
  };
  std::vector<held_answer> held_;
  /// What a `resume` waits for; null: none is under way.
  std::unique_ptr<resumption> resumption_;
  broker::steady_time ticket_due_ = broker::steady_time::max();
  /// Answers in the control lane: their credits come back when the kernel has them.
  std::uint32_t unsent_answers_ = 0;
  std::uint32_t bad_in_a_row_ = 0;
  std::uint32_t refused_in_a_row_ = 0;
  /// It is to go, and to come back to another node after so long; 0: it may stay.
  std::uint32_t home_retry_ms_ = 0;
  /// When it goes, whatever is not answered by then.
  broker::steady_time home_at_ = broker::steady_time::max();
  broker::steady_time opened_;
  broker::liveness alive_;
  bool open_ = false;
  bool closing_ = false;
  bool paused_ = false;
  bool told_expiring_ = false;
  /// The handshake showed the ticket of its session.
  bool by_ticket_ = false;
  /// The connection that had its session has not left its rooms yet.
  bool taking_over_ = false;
  /// The connection that has its session now, and waits with it until the one before has left its rooms.
  caf::strong_actor_ptr next_;
  /// Backends have been told that its session came, and not yet that it is gone.
  bool told_connected_ = false;
};

} // namespace hubbub::actors
