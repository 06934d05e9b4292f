#pragma once

#include "actors/idle_rooms.hpp"
#include "actors/log_puller.hpp"
#include "actors/loop_inbox.hpp"
#include "actors/node_context.hpp"
#include "broker/audience.hpp"
#include "broker/delivery.hpp"
#include "broker/frame_maker.hpp"
#include "broker/protocol.hpp"
#include "broker/timing_wheel.hpp"
#include "broker/turn.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/execution_unit.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

namespace hubbub::actors {

/// A connection's own lane with no more bytes than these is nearly empty: presence and large answers wait for
/// that.
inline constexpr std::size_t little_control = 16'384;

/// An event loop as CAF sees it: whoever is sent to from here runs here, after
/// all that was readable has been read and before anything is written. Holds
/// what belongs to one loop: its audiences, its timers, its connections.
///
/// Its loop only, but for what says any thread.
class loop_unit final : public caf::execution_unit, public broker::turn_phases {
public:
  loop_unit(broker::loop& loop, node_context& node);
  ~loop_unit() override;
  void serve(caf::actor_system& system) noexcept { system_ = &system; }
  /// Lets go of everything that waits to run. After the last turn, before CAF's system ends.
  void drop_all();

  // -- CAF and other threads ----------------------------------------------------

  /// Never refuses: CAF believes the actor is scheduled. Each actor is in the list at most once, so
  /// the list is bounded by their number. Any thread.
  void exec_later(caf::resumable* job) override;
  /// Hands a message to a connection of this loop. Any thread.
  void deliver(caf::strong_actor_ptr to, caf::mailbox_element_ptr what);
  /// Runs `job` on this loop. Any thread.
  void post(std::function<void()> job);
  /// Says goodbye to `most` of its clients, soon: the node ends. Each is told to come back after a time of
  /// its own, at most `spread`. Any thread.
  void send_home(std::uint32_t most, broker::milliseconds spread);
  /// Clients that are here and have not been sent home. Any thread.
  [[nodiscard]] std::uint32_t at_home() const noexcept { return at_home_.load(std::memory_order_relaxed); }
  /// That feed has news for readers here. Any thread.
  void tell_news(const broker::feed_ptr& from);
  void tell_presence(const broker::feed_ptr& from);

  // -- the turn -------------------------------------------------------------------

  void decide() override;
  void send_news() override;
  [[nodiscard]] bool wants_another() const noexcept override;
  void tick(broker::steady_time now) override;

  // -- for actors that run here -----------------------------------------------------

  [[nodiscard]] std::uint32_t index() const noexcept { return loop_.index(); }
  /// Any thread.
  [[nodiscard]] const broker::loop& loop() const noexcept { return loop_; }
  [[nodiscard]] broker::steady_time now() const noexcept { return node_.time.now(); }
  [[nodiscard]] bool on_this_thread() const noexcept { return loop_.on_this_thread(); }
  [[nodiscard]] broker::frame_maker& frames() noexcept { return frames_; }
  [[nodiscard]] broker::protocol::parser& parser() noexcept { return parser_; }
  [[nodiscard]] broker::timing_wheel& wheel() noexcept { return wheel_; }
  [[nodiscard]] broker::delivery& sender() noexcept { return delivery_; }
  [[nodiscard]] idle_rooms& idle() noexcept { return idle_; }
  [[nodiscard]] node_context& node() noexcept { return node_; }
  /// Scratch for one message's text; empty.
  [[nodiscard]] std::string& text() noexcept {
    text_.clear();
    return text_;
  }

  /// Puts a reader into its room's audience here; it is sent to in this turn.
  void seat(broker::reader& r, const broker::feed_ptr& told, broker::cursor at);
  void unseat(broker::reader& r);
  /// Sends a room's news to its readers here at once.
  void send_now(const broker::feed_ptr& from);
  /// Sends a reader what it has not got of its room's presence, if its socket takes it.
  void show_presence(broker::reader& r);

  void add(connection_actor& c);
  void remove(connection_actor& c);
  [[nodiscard]] const std::vector<connection_actor*>& connections() const noexcept { return connections_; }

  /// The room crashed: whoever waited for it is told, and its readers here are given to the next one; or,
  /// when that is not made before a while, sent away for as long.
  void room_lost(const broker::room_name& room, broker::milliseconds wait);
  /// The feed with which a rebuilt room's readers here go on.
  void adopt(const broker::feed_ptr& from);

private:
  void take_inbox();
  void run_ready(std::size_t& budget);
  void put_news(const broker::feed_ptr& from);
  void put_presence(const broker::feed_ptr& from);
  /// Some of each room's, as with news.
  void show_presence_on();
  /// How long the readers of a large room wait for their turns.
  void count_lap(broker::audience& a, std::size_t visited);
  void move(broker::audience& a, const broker::feed_ptr& to);
  static void send_away(broker::audience& a, const broker::disconnect& why);
  void news_of(const broker::audience& a);

  broker::loop& loop_;
  node_context& node_;

  loop_inbox inbox_;
  loop_inbox::contents taken_;

  std::vector<caf::resumable*> ready_, running_;
  std::vector<loop_inbox::mail> letters_, reading_;
  std::vector<broker::feed_ptr> news_, sending_;
  std::vector<broker::feed_ptr> presence_, showing_;
  std::vector<broker::recipient*> marked_;

  broker::frame_maker frames_;
  broker::protocol::parser parser_;
  broker::timing_wheel wheel_;
  log_puller puller_;
  broker::delivery delivery_;
  std::string text_;

  /// Audiences are found by their rooms' names, which their feeds have.
  struct by_room {
    using is_transparent = void;
    [[nodiscard]] static const broker::room_name& name(const broker::room_name& n) noexcept { return n; }
    [[nodiscard]] static const broker::room_name& name(const broker::audience& a) noexcept {
      return a.shared_feed()->room();
    }
    std::size_t operator()(const auto& a) const noexcept { return std::hash<broker::room_name>{}(name(a)); }
    bool operator()(const auto& a, const auto& b) const noexcept { return name(a) == name(b); }
  };
  std::unordered_set<broker::audience, by_room, by_room> audiences_;
  /// Null: there is none.
  [[nodiscard]] broker::audience* audience_of(const broker::room_name& room);
  std::vector<connection_actor*> connections_;
  /// All before it have been sent home, but for those who came since.
  std::size_t next_home_ = 0;
  std::atomic<std::uint32_t> at_home_{0};
  std::uint32_t sent_home_ = 0;
  idle_rooms idle_;
};

} // namespace hubbub::actors
