#pragma once

#include "actors/bus_inbox.hpp"
#include "actors/loop_actor.hpp"
#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "broker/mailbox_gate.hpp"
#include "broker/room.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <utility>

namespace hubbub::actors {

/// One room. A thin shell: messages in, `broker::room` decides, answers out.
/// Runs on the loop that woke it, one message at a time; moves between loops
/// only between turns, and the mailbox is the happens-before of that hand-over.
class room_actor final : public loop_actor, public broker::room_output {
public:
  /// `home`: the loop it runs on when who sends has none (timers, the bus).
  room_actor(caf::actor_config& cfg, node_context& node, const broker::room_name& name,
             std::uint64_t generation, loop_unit& home);
  ~room_actor() override;

  /// Puts a request in its bounded mailbox. `host`: the caller's loop, or null.
  /// `overloaded` when it is full, `gone` when the room has ended: resolve its name again. Any thread.
  template <class Message>
  [[nodiscard]] broker::errc offer(Message m, caf::execution_unit* host) {
    switch (gate_.enter()) {
    case broker::mailbox_gate::verdict::full:
      return broker::errc::overloaded;
    case broker::mailbox_gate::verdict::closed:
      return broker::errc::gone;
    case broker::mailbox_gate::verdict::admitted:
      break;
    }
    tell(std::move(m), host);
    return broker::errc::ok;
  }
  /// The lane that is never refused. Any thread.
  template <class Message>
  void tell(Message m, caf::execution_unit* host) {
    enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::move(m)), host);
  }

  [[nodiscard]] const broker::room_name& room_name() const noexcept { return room_.name(); }
  /// For lists; any thread.
  [[nodiscard]] std::uint32_t readers() const noexcept { return readers_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t people() const noexcept { return people_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_.load(std::memory_order_relaxed); }

  // From the inbox, on the room's thread.
  void handle(bus_inbox::item& i);
  [[nodiscard]] bool event_came(const broker::stored_event_ptr& e);

  using loop_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  bool cleanup(caf::error&& reason, caf::execution_unit* host) override;
  const char* name() const override { return "room"; }

private:
  void begin() override;
  void read(caf::mailbox_element& what) override;
  void take(join_message& m);
  void take(publish_message& m);
  void take(leave_message& m);
  void take(update_message& m);
  void take(members_message& m);
  void take(adopt_message& m);
  void take(const nudge& m);
  /// Takes it, if it is one of these.
  template <class... Messages>
  [[nodiscard]] bool take_one_of(caf::type_erased_tuple& what);
  [[nodiscard]] loop_unit& unit() noexcept;
  void took() noexcept;
  /// What `f` breaks is held against `by` (`culprit_mark`), too.
  template <class F>
  void on_behalf(std::uint64_t by, F&& f) {
    const auto before = std::exchange(blamed_, by);
    f();
    blamed_ = before;
  }
  void show_numbers() noexcept;
  void show_offset() noexcept;
  /// Tells backends when it has got its first reader here, or lost its last.
  void tell_occupancy(bool occupied) noexcept;
  void await(std::uint64_t id, caller who);
  [[nodiscard]] caller take_pending(std::uint64_t id);
  void reply(const caller& to, decltype(answer::what) what);
  /// Has itself asked later whether it may end, when nobody reads it.
  void mind_idleness();
  void sweep();
  void nudge_later(broker::milliseconds by, nudge::to what);

  void on_joined(std::uint64_t id, broker::join_answer a) override;
  void on_join_refused(std::uint64_t id, broker::refusal why) override;
  void on_published(broker::publish_token token, broker::stored what) override;
  void on_publish_refused(broker::publish_token token, broker::publish_refused why) override;
  void on_members(std::uint64_t id, broker::member_page page) override;
  void on_adopted(std::uint32_t loop, broker::feed_ptr from) override;
  void tell_news(const broker::feed_ptr& from, std::uint64_t loops) override;
  void tell_presence(const broker::feed_ptr& from, std::uint64_t loops) override;
  void send_now(const broker::feed_ptr& from) override;
  void delay_news(broker::milliseconds by) override;
  void delay_tick(broker::milliseconds by) override;
  void delay_log(broker::milliseconds by) override;
  void read(broker::read_request what, broker::read_handler done) override;
  std::unique_ptr<broker::roster_interest> follow_roster() override;
  broker::frame_maker& frames() override;

  node_context& node_;
  loop_unit& home_;
  broker::mailbox_gate gate_;
  std::shared_ptr<bus_inbox> inbox_;
  broker::room room_;
  std::uint64_t next_id_ = 0;
  /// By number, so that the oldest are first. Null: nobody waits.
  using callers = std::map<std::uint64_t, caller>;
  std::unique_ptr<callers> pending_;
  /// Whose doing it is what the room is about; stays when that throws.
  std::uint64_t blamed_ = 0;
  broker::steady_time last_used_;
  /// How many of `pending_` are publishes.
  std::uint32_t publishes_ = 0;
  bool watched_ = false;
  bool occupied_ = false;
  std::atomic<std::uint32_t> readers_{0};
  std::atomic<std::uint32_t> people_{0};
  std::atomic<std::uint64_t> offset_{0};
};

} // namespace hubbub::actors
