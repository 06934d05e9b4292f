#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/log.hpp"
#include "cluster/nats_message.hpp"
#include "cluster/nats_options.hpp"
#include "cluster/subjects.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// One connection to NATS, for all who speak with it. Any thread; nothing waits for the network but `open`:
/// a thread of its own sends. Handlers run on the client library's one delivery thread, in the order in
/// which messages came, and must not wait either. When the connection is lost it is made again for as long
/// as this lives; what is not sent by then is never sent. When its server is about to end (a lame duck) it
/// goes to another one before it is lost: `back` is called as after a loss, since some messages may not have
/// come meanwhile, but requests go on.
class nats_link {
public:
  using header = std::pair<const char*, std::string>;
  using headers = std::vector<header>;

  /// What became of a request.
  enum class fate : std::uint8_t {
    answered,
    /// It never left: there is no connection, or too much waits to be sent.
    not_sent,
    /// It never left: the server takes no message of that size.
    too_large,
    /// Nobody listens to the subject.
    nobody,
    /// It went out, and no answer came.
    unknown,
  };
  using answer_handler = std::function<void(fate, const nats_message&)>;
  /// Is it from whom was asked? Others who listen to the subject may answer, too. Must not wait.
  using answer_filter = std::function<bool(const nats_message&)>;
  using message_handler = std::function<void(const nats_message&)>;

  /// What happens to the connection. Called one after another, on a thread of the library's.
  struct observer {
    std::function<void()> lost;
    std::function<void()> back;
    /// Messages were dropped, here or on the way.
    std::function<void()> dropped;
    /// What handles messages broke: who was to have one may not have it. `dropped` is called, too.
    std::function<void()> broke;
    /// About every 20 ms, on a thread of the link's.
    std::function<void()> tick;
  };

  /// Connects; waits for the network. A refusal names the server in one sentence; one that takes no events as
  /// large as the options allow is refused, too. `to` must outlive the link.
  [[nodiscard]] static broker::result<std::unique_ptr<nats_link>> open(const nats_options& options,
                                                                       broker::log_sink& to);
  /// As `close`.
  ~nats_link();
  nats_link(const nats_link&) = delete;
  nats_link& operator=(const nats_link&) = delete;

  /// Before anything else is called but `open`.
  void observe(observer o);
  /// Sends what was taken to be sent, lets what has come be handled, ends the connection, and answers what
  /// waits with `unknown` or `not_sent`: NATS' drain, for a second at most. No handler is called after that,
  /// but one may still be running.
  void close();

  /// Sends without an answer. False: it could not be.
  bool send(const std::string& subject, const headers& with, std::string_view data,
            const std::string& reply = {});
  /// Sends, and calls `done` once: with the first answer that `counts`, or after the options' timeout
  /// without. `counts`: null: each does; that nobody listens always does.
  void request(const std::string& subject, const headers& with, std::string_view data, answer_handler done,
               std::shared_ptr<const answer_filter> counts = {});

  /// Runs `f` on the thread that sends, soon, in the order of what is sent. False: it is closed.
  bool post(std::function<void()> f);

  /// A subject of one's own to which any number of messages come, until it is closed. What a consumer sends
  /// there keeps its own subject, so the consumer must be named `inbox_name(id)`.
  [[nodiscard]] std::uint64_t open_inbox(message_handler to);
  void close_inbox(std::uint64_t id);
  [[nodiscard]] std::string inbox_subject(std::uint64_t id) const;
  [[nodiscard]] std::string inbox_name(std::uint64_t id) const;

  class listener;
  class subscription;
  struct subscription_bounds;
  /// Messages to a subject come to `to` until what is returned goes. A room has two or three, so they are
  /// small.
  [[nodiscard]] subscription subscribe(std::string_view subject, listener to);
  [[nodiscard]] subscription subscribe(std::string_view subject, listener to, subscription_bounds bounds);

  [[nodiscard]] bool is_connected() const noexcept;
  /// The server that it is, or was last, connected to, without a password.
  [[nodiscard]] std::string server() const;
  /// Differs between any two links.
  [[nodiscard]] const std::string& id() const noexcept;

private:
  struct impl;
  explicit nats_link(std::shared_ptr<impl> i);
  std::shared_ptr<impl> impl_;
};

/// A connection, and the subjects that are spoken of on it.
struct named_link {
  /// As `nats_link::open`; a prefix that is none is refused, too.
  [[nodiscard]] static broker::result<named_link> open(const nats_options& options, broker::log_sink& log);

  subjects names;
  std::unique_ptr<nats_link> link;
};

struct nats_link::subscription_bounds {
  /// So much may wait to be handled; beyond it messages are dropped and the observer is told.
  int messages = 16'384;
  int bytes = 16 << 20;
  /// Of all subscriptions with the same one, on all nodes, one gets each message; empty: every one does.
  std::string queue;
};

/// Who hears messages: a function, or an object for as long as it is there, which takes no memory of its own.
class nats_link::listener {
public:
  template <class F>
  requires std::is_invocable_v<F&, const nats_message&> listener(F to)
      : rare_{new rare{message_handler{std::move(to)}, {}}} {}
  /// `(whom->*Heard)(message)`.
  template <auto Heard, class T>
  [[nodiscard]] static listener of(std::weak_ptr<T> whom) {
    return {std::move(whom), [](void* who, const nats_message& m) { (static_cast<T*>(who)->*Heard)(m); }};
  }
  void bound_by(subscription_bounds bounds) {
    if (!rare_)
      rare_ = std::make_unique<rare>();
    rare_->bounds = std::move(bounds);
  }
  [[nodiscard]] subscription_bounds bounds() const { return rare_ ? rare_->bounds : subscription_bounds{}; }
  void operator()(const nats_message& m) const {
    if (!tell_)
      return rare_->function(m);
    if (const auto held = whom_.lock())
      tell_(held.get(), m);
  }

private:
  using teller = void (*)(void*, const nats_message&);
  listener(std::weak_ptr<void> whom, teller tell) : whom_{std::move(whom)}, tell_{tell} {}

  std::weak_ptr<void> whom_;
  /// Null: a function hears them.
  teller tell_ = nullptr;
  // What a room's subscriptions do without.
  struct rare {
    message_handler function;
    subscription_bounds bounds;
  };
  std::unique_ptr<rare> rare_;
};

/// Ends when it goes.
class nats_link::subscription {
public:
  struct state;
  /// To nothing.
  subscription() noexcept = default;
  explicit subscription(boost::intrusive_ptr<state> s) noexcept;
  ~subscription();
  subscription(subscription&& other) noexcept;
  subscription& operator=(subscription&& other) noexcept;
  void reset() noexcept;

private:
  boost::intrusive_ptr<state> state_;
};

void intrusive_ptr_add_ref(nats_link::subscription::state* s) noexcept;
void intrusive_ptr_release(nats_link::subscription::state* s) noexcept;

} // namespace hubbub::cluster
