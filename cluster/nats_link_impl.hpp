#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/log.hpp"
#include "broker/supervisor.hpp"
#include "cluster/epoch.hpp"
#include "cluster/nats_connection.hpp"
#include "cluster/nats_link.hpp"
#include "cluster/way_to.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

/// The inside of `nats_link`, for its own sources.
namespace hubbub::cluster {

/// After the server has refused for good: wrong credentials, mostly. Somebody may put them right.
inline constexpr std::chrono::seconds nats_connect_again{1};
/// The library's reading thread may still hold a subscription that was just ended.
inline constexpr std::chrono::seconds nats_bury_after{2};
/// Who answers for what breaks in a link's threads is told by such names.
inline constexpr std::string_view nats_callback_part = "nats callbacks";
inline constexpr std::string_view nats_sender_part = "nats sender";
inline constexpr std::string_view nats_mover_part = "nats mover";

/// Under `nats_link::impl::mutex`, but what is constant, and `handle`, which is the sending thread's. A room
/// has two or three: one block each, with the subject behind it.
struct nats_link::subscription::state {
  [[nodiscard]] static boost::intrusive_ptr<state> make(way_ptr<impl> of, std::string_view subject,
                                                        listener to);
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  [[nodiscard]] const char* subject() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  /// It was ended, or began when its link was closed.
  [[nodiscard]] bool is_over() const noexcept { return index == nowhere; }

  static constexpr std::uint32_t nowhere = UINT32_MAX;
  std::atomic<std::uint32_t> held{0};
  /// Its place among the link's.
  std::uint32_t index = nowhere;
  const way_ptr<impl> of;
  const listener to;
  natsSubscription* handle = nullptr;

private:
  state(way_ptr<impl> d, std::string_view subject, listener l) noexcept;
};

/// The connection, its threads and what they share. Kept alive by what the library may still call.
struct nats_link::impl : std::enable_shared_from_this<impl> {
  impl(const nats_options& o, broker::log_sink& l) : options{o}, log{l} {}

  using sub_ptr = boost::intrusive_ptr<subscription::state>;
  struct waiting {
    answer_handler done;
    std::shared_ptr<const answer_filter> counts;
    bool sent = false;
  };
  struct task {
    nats_msg_ptr message;
    std::size_t size = 0;
    /// Of the request; 0: nobody waits for an answer.
    std::uint64_t token = 0;
    sub_ptr sub;
    std::function<void()> call;
  };
  struct buried {
    std::chrono::steady_clock::time_point when;
    natsSubscription* handle;
  };

  const nats_options options;
  broker::log_sink& log;
  const std::string id = new_epoch() + new_epoch();
  const std::string inbox = "_INBOX." + id + '.';
  way_ptr<impl> way;
  observer watch;

  std::mutex mutex;
  std::condition_variable work;
  std::condition_variable over;
  bool stopping = false;
  bool refused_for_good = false;
  std::deque<task> tasks;
  std::size_t queued_bytes = 0;
  std::unordered_map<std::uint64_t, waiting> answers;
  std::deque<std::pair<std::chrono::steady_clock::time_point, std::uint64_t>> deadlines;
  std::unordered_map<std::uint64_t, std::shared_ptr<message_handler>> inboxes;
  std::uint64_t last_token = 0;
  std::vector<sub_ptr> subs;
  std::string server;
  std::atomic<bool> connected{false};

  /// Something broke, so that somebody may have missed something; the ticking thread has it looked for.
  std::atomic<bool> look_again{false};
  /// It keeps breaking: nothing ticks, and at this time the connection is made anew.
  std::optional<std::chrono::steady_clock::time_point> anew_at;
  /// The server will end soon: at this time the connection is moved.
  std::optional<std::chrono::steady_clock::time_point> move_at;
  /// Of the server that it is connected to.
  bool lame_duck = false;
  /// The connection that closes is one that was left, or nobody needs another.
  std::atomic<bool> leaving{false};

  /// A connection as the library speaks of it: until it is taken over, nothing of it matters.
  struct line {
    std::weak_ptr<impl> of;
    std::atomic<bool> taken{false};
  };
  struct made_connection {
    nats_conn_ptr connection;
    std::shared_ptr<line> known_as;
  };

  // The sending thread's alone.
  nats_conn_ptr connection;
  std::shared_ptr<line> known_as;
  natsSubscription* inbox_handle = nullptr;
  std::deque<buried> graves;
  std::thread sender;
  std::thread ticker;
  /// Connects to where the link is to move; begun by the sending thread.
  std::thread mover;
  std::atomic<bool> moving{false};

  // -- what breaks -----------------------------------------------------------------

  /// Runs what others put into the link's threads: an exception would end the process, from within the
  /// library even without a word.
  template <class F>
  void guard(std::string_view part, F&& f) noexcept {
    broker::run_guarded(options.answers, std::forward<F>(f), [&](const char* why) { broke(part, why); });
  }

  void broke(std::string_view part, std::string_view why) noexcept; // nats_link_events.cpp

  /// For operators. Nothing: it was closed.
  [[nodiscard]] std::optional<link_state> state();

  [[nodiscard]] subscription add(sub_ptr s);

  // -- what the library calls: nats_link_events.cpp ---------------------------------

  // What the library calls back with it holds until it says that it was the last time: a subscription, or
  // this for answers.
  static void on_message(natsConnection*, natsSubscription*, natsMsg* m, void* state);
  static void on_last_message(void* state) {
    intrusive_ptr_release(static_cast<subscription::state*>(state));
  }
  static void on_answer(natsConnection*, natsSubscription*, natsMsg* m, void* self);
  static void on_last_answer(void* self) { delete static_cast<std::shared_ptr<impl>*>(self); }
  void inbox_message(const nats_message& m);
  void came_back() { came_back_as("connected again"); }
  void came_back_as(std::string_view how);
  void went_away();
  void closed();
  void dropped();
  void going_down();

  // -- the connection, on the sending thread: nats_link_connection.cpp --------------

  static void calling_back(void* c, void (impl::*what)()) noexcept;
  /// Any thread; waits for the network.
  broker::result<made_connection> connect_to(const nats_options& to);
  /// None: connected.
  std::optional<broker::refusal> connect();
  void take_over(made_connection made);
  /// None: the server takes every event.
  std::optional<broker::refusal> why_too_small();
  natsSubscription* listen_to_answers();
  natsSubscription* listen(const sub_ptr& to);
  void listen_to_all();
  void connect_anew();
  /// To another server, before this one cuts us off. Connected there first, by a thread of its own, so that
  /// what takes long, or is refused, costs nothing; but nothing is heard twice.
  void move_away();
  void find_another(const nats_options& among) noexcept;
  void change_over(made_connection made);
  /// Of what was asked; what is asked meanwhile waits to be sent.
  void await_answers();
  void attend(const sub_ptr& s);
  void bury(bool all);
  /// At the end of all: what was taken to be sent leaves, and what has come is handled.
  void drain();
  void release_connection();
  bool await_closed(std::chrono::milliseconds within);

  // -- the link's own threads: nats_link_threads.cpp --------------------------------

  void start();
  void send_all();
  /// False: it is closed.
  bool queue(task t);
  void perform(task& t);
  /// False: it was given up meanwhile.
  bool may_send(const task& t);
  answer_handler take(std::uint64_t token);
  void give_up_all();
  void tick_all();
};

} // namespace hubbub::cluster
