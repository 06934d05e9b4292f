#include "cluster/nats_link.hpp"

#include "cluster/epoch.hpp"
#include "cluster/nats_connection.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <tuple>
#include <unordered_map>

namespace hubbub::cluster {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds tick_time{20};
// After the server has refused for good: wrong credentials, mostly. Somebody may put them right.
constexpr std::chrono::seconds connect_again{1};
// Who answers for what breaks in its threads is told by these names.
constexpr std::string_view delivery_part = "nats delivery";
constexpr std::string_view callback_part = "nats callbacks";
constexpr std::string_view sender_part = "nats sender";
constexpr std::string_view ticker_part = "nats ticker";
// The library's reading thread may still hold a subscription that was just ended.
constexpr std::chrono::seconds bury_after{2};
constexpr std::size_t most_queued_bytes = 32 << 20;
// Before a connection is left, answers that are on their way get so long to come.
constexpr std::chrono::milliseconds last_answers_within{250};

/// A moment up to `most` from now, another one for each node and connection.
steady_clock::time_point some_time_within(std::chrono::milliseconds most) {
  std::random_device any;
  return steady_clock::now() +
         std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{0, most.count()}(any)};
}

constexpr std::string_view ack_prefix = "$JS.ACK.";

} // namespace

/// Under `nats_link::impl::mutex`, but what is constant, and `handle`, which is the sending thread's.
struct nats_link::subscription::state {
  std::weak_ptr<impl> of;
  std::string subject;
  std::string queue;
  message_handler to;
  int most_messages;
  int most_bytes;
  bool over = false;
  natsSubscription* handle = nullptr;
};

/// The connection, its threads and what they share. Kept alive by what the library may still call.
struct nats_link::impl : std::enable_shared_from_this<impl> {
  impl(const nats_options& o, broker::log_sink& l) : options{o}, log{l} {}

  using sub_ptr = std::shared_ptr<subscription::state>;
  struct waiting {
    answer_handler done;
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
    steady_clock::time_point when;
    natsSubscription* handle;
  };

  const nats_options options;
  broker::log_sink& log;
  const std::string id = new_epoch() + new_epoch();
  const std::string inbox = "_INBOX." + id + '.';
  observer watch;

  std::mutex mutex;
  std::condition_variable work;
  std::condition_variable over;
  bool stopping = false;
  bool refused_for_good = false;
  std::deque<task> tasks;
  std::size_t queued_bytes = 0;
  std::unordered_map<std::uint64_t, waiting> answers;
  std::deque<std::pair<steady_clock::time_point, std::uint64_t>> deadlines;
  std::unordered_map<std::uint64_t, std::shared_ptr<message_handler>> inboxes;
  std::uint64_t last_token = 0;
  std::unordered_map<subscription::state*, sub_ptr> subs;
  std::string server;
  std::atomic<bool> connected{false};

  /// Something broke, so that somebody may have missed something; the ticking thread has it looked for.
  std::atomic<bool> look_again{false};
  /// It keeps breaking: nothing ticks, and at this time the connection is made anew.
  std::optional<steady_clock::time_point> anew_at;
  /// The server will end soon: at this time the connection is moved.
  std::optional<steady_clock::time_point> move_at;
  /// The connection that closes is one that was left.
  std::atomic<bool> leaving{false};

  // The sending thread's alone.
  nats_conn_ptr connection;
  natsSubscription* inbox_handle = nullptr;
  std::deque<buried> graves;
  std::thread sender;
  std::thread ticker;

  // -- what breaks -----------------------------------------------------------------

  /// Runs what others put into the link's threads: an exception would end the process, from within the
  /// library even without a word.
  template <class F>
  void guard(std::string_view part, F&& f) noexcept {
    broker::run_guarded(options.answers, std::forward<F>(f), [&](const char* why) { broke(part, why); });
  }

  void broke(std::string_view part, std::string_view why) noexcept {
    const auto wait = options.answers->crashed(part, why);
    look_again = true;
    if (wait.count() == 0)
      return;
    std::lock_guard lock{mutex};
    if (!anew_at)
      anew_at = steady_clock::now() + wait;
  }

  // -- the library calls ---------------------------------------------------------

  /// What a callback of the library holds until the library says that it was the last one.
  struct closure {
    std::shared_ptr<impl> self;
    sub_ptr sub;
  };
  static void on_complete(void* c) { delete static_cast<closure*>(c); }

  static void on_message(natsConnection*, natsSubscription*, natsMsg* m, void* c) {
    const nats_msg_ptr owned{m};
    const auto& on = *static_cast<closure*>(c);
    on.self->guard(delivery_part, [&on, m] {
      const auto message = view_of(m);
      if (on.sub)
        on.sub->to(message);
      else
        on.self->inbox_message(message);
    });
  }

  void inbox_message(const nats_message& m) {
    std::uint64_t token = 0;
    // What a consumer delivers bears its own subject, and names the consumer in the reply.
    if (m.reply.starts_with(ack_prefix)) {
      const auto name = token_from_end(m.reply, 5);
      token = number_in(name.substr(std::min(name.size(), id.size() + 1)));
    } else if (m.subject.starts_with(inbox)) {
      token = number_in(m.subject.substr(inbox.size()));
    }
    answer_handler done;
    std::shared_ptr<message_handler> many;
    {
      std::lock_guard lock{mutex};
      if (const auto one = answers.find(token); one != answers.end()) {
        done = std::move(one->second.done);
        answers.erase(one);
      } else if (const auto it = inboxes.find(token); it != inboxes.end()) {
        many = it->second;
      }
    }
    if (done)
      done(m.headers.status() == 503 ? fate::nobody : fate::answered, m);
    else if (many)
      (*many)(m);
  }

  void came_back() { came_back_as("connected again"); }
  void came_back_as(std::string_view how) {
    {
      std::lock_guard lock{mutex};
      server = server_of(connection.get());
      move_at.reset();
    }
    connected = true;
    log.info("nats", how, {{"server", server}});
    if (watch.back)
      watch.back();
  }
  void went_away() {
    if (leaving || !connected.exchange(false))
      return;
    log.limited(broker::log_level::warn, "nats", "lost", "the connection to NATS is lost; trying again",
                {{"server", server}});
    give_up_all();
    if (watch.lost)
      watch.lost();
  }
  void closed() {
    went_away();
    std::lock_guard lock{mutex};
    refused_for_good = true;
    work.notify_all();
    over.notify_all();
  }
  void dropped() {
    log.limited(broker::log_level::warn, "nats", "dropped",
                "messages came faster than they could be handled, and some were dropped");
    if (watch.dropped)
      watch.dropped();
  }
  void going_down() {
    ++options.links->lame_ducks;
    std::string ending;
    {
      std::lock_guard lock{mutex};
      move_at = some_time_within(options.every.lame_duck);
      ending = server;
    }
    log.info("nats", "the server is about to end, and asks its clients to go elsewhere",
             {{"server", ending}});
  }

  // -- the sending thread ----------------------------------------------------------

  static void calling_back(void* c, void (impl::*what)()) noexcept {
    auto& self = *static_cast<impl*>(c);
    self.guard(callback_part, [&self, what] { (self.*what)(); });
  }

  nats_callbacks callbacks() {
    nats_callbacks on;
    on.context = this; // the connection is closed, and says so, before this goes
    on.lost = [](void* c) { calling_back(c, &impl::went_away); };
    on.back = [](void* c) { calling_back(c, &impl::came_back); };
    on.closed = [](void* c) { calling_back(c, &impl::closed); };
    on.dropped = [](void* c) { calling_back(c, &impl::dropped); };
    on.lame_duck = [](void* c) { calling_back(c, &impl::going_down); };
    return on;
  }

  /// None: connected.
  std::optional<broker::refusal> connect() {
    auto made = connect_nats(options, callbacks());
    if (!made)
      return made.error();
    take_over(std::move(*made));
    return std::nullopt;
  }

  void take_over(nats_conn_ptr made) {
    connection = std::move(made);
    inbox_handle = listen(nullptr);
    limit_pending(inbox_handle, -1, -1); // as much as was asked for
    {
      std::lock_guard lock{mutex};
      server = server_of(connection.get());
      refused_for_good = is_closed(connection.get());
    }
    connected = true;
  }

  natsSubscription* listen(const sub_ptr& to) {
    auto c = std::make_unique<closure>(closure{shared_from_this(), to});
    const auto subject = to ? to->subject : inbox + '*';
    auto* handle = subscribe_nats(connection.get(), subject.c_str(),
                                  to && !to->queue.empty() ? to->queue.c_str() : nullptr, &impl::on_message,
                                  &impl::on_complete, c.get());
    if (handle == nullptr)
      return nullptr;
    if (to)
      limit_pending(handle, to->most_messages, to->most_bytes);
    std::ignore = c.release(); // the library's now
    return handle;
  }

  void start() {
    sender = std::thread{[this] { send_all(); }};
    ticker = std::thread{[this] { tick_all(); }};
  }

  void send_all() {
    std::deque<task> mine;
    std::unique_lock lock{mutex};
    while (!stopping) {
      if (refused_for_good) {
        lock.unlock();
        guard(sender_part, [this] { connect_anew(); });
        lock.lock();
        if (refused_for_good)
          work.wait_for(lock, connect_again, [this] { return stopping; });
        continue;
      }
      if (tasks.empty()) {
        if (graves.empty())
          work.wait(lock);
        else
          work.wait_for(lock, bury_after);
      }
      mine.swap(tasks);
      lock.unlock();
      for (auto& t : mine)
        guard(sender_part, [this, &t] { perform(t); });
      mine.clear();
      bury(false);
      lock.lock();
    }
  }

  void connect_anew() {
    release_connection();
    if (auto refused = connect()) {
      log.limited(broker::log_level::error, "nats", "refused", refused->message);
      return;
    }
    listen_to_all();
    came_back();
  }

  void listen_to_all() {
    std::vector<sub_ptr> all;
    {
      std::lock_guard lock{mutex};
      for (const auto& [_, s] : subs)
        all.push_back(s);
    }
    for (const auto& s : all)
      if (s->handle == nullptr)
        s->handle = listen(s);
  }

  /// To another server, before this one cuts us off. Connected there first, so that what takes long, or is
  /// refused, costs nothing; but nothing is heard twice.
  void move_away() {
    if (!connected) // it has done so, and the library finds another
      return;
    auto to = options;
    to.servers = servers_around(connection.get(), options.servers);
    if (to.servers.size() < 2)
      return log.info("nats", "there is no other server to go to");
    auto made = connect_nats(to, callbacks());
    if (!made) {
      log.limited(broker::log_level::warn, "nats", "move",
                  "no other server is there yet: " + made.error().message);
      std::lock_guard lock{mutex};
      move_at = steady_clock::now() + connect_again;
      return;
    }
    await_answers();
    leaving = true;
    release_connection();
    leaving = false;
    take_over(std::move(*made));
    listen_to_all();
    ++options.links->moves;
    came_back_as("moved to another server");
  }

  /// Of what was asked; what is asked meanwhile waits to be sent.
  void await_answers() {
    const auto until = steady_clock::now() + last_answers_within;
    std::unique_lock lock{mutex};
    while (!stopping && steady_clock::now() < until &&
           std::ranges::any_of(answers, [](const auto& one) { return one.second.sent; }))
      over.wait_for(lock, std::chrono::milliseconds{2});
  }

  void perform(task& t) {
    if (t.call)
      return t.call();
    if (t.sub)
      return attend(t.sub);
    if (!may_send(t))
      return;
    // What broke off is answered when the connection is given up, or in time.
    if (publish_nats(connection.get(), t.message.get()) != send_result::not_sent)
      return;
    if (auto done = take(t.token))
      done(fate::not_sent, {});
  }

  /// False: it was given up meanwhile.
  bool may_send(const task& t) {
    std::lock_guard lock{mutex};
    queued_bytes -= t.size;
    if (!connected)
      return false;
    if (t.token == 0)
      return true;
    const auto it = answers.find(t.token);
    if (it == answers.end())
      return false;
    it->second.sent = true;
    return true;
  }

  void attend(const sub_ptr& s) {
    bool end;
    {
      std::lock_guard lock{mutex};
      end = s->over;
    }
    if (end && s->handle != nullptr) {
      end_subscription(s->handle);
      graves.push_back({steady_clock::now() + bury_after, std::exchange(s->handle, nullptr)});
    } else if (!end && s->handle == nullptr && connection) {
      s->handle = listen(s);
    }
  }

  void bury(bool all) {
    const auto now = steady_clock::now();
    while (!graves.empty() && (all || graves.front().when <= now)) {
      destroy_subscription(graves.front().handle);
      graves.pop_front();
    }
  }

  void release_connection() {
    if (!connection)
      return;
    close_nats(connection.get());
    {
      std::unique_lock lock{mutex};
      over.wait_for(lock, std::chrono::seconds{10}, [this] { return refused_for_good; });
    }
    destroy_subscription(std::exchange(inbox_handle, nullptr));
    std::vector<sub_ptr> all;
    {
      std::lock_guard lock{mutex};
      for (const auto& [_, s] : subs)
        all.push_back(s);
    }
    for (const auto& s : all)
      destroy_subscription(std::exchange(s->handle, nullptr));
    bury(true);
    connection.reset();
  }

  // -- requests ----------------------------------------------------------------------

  answer_handler take(std::uint64_t token) {
    std::lock_guard lock{mutex};
    const auto it = answers.find(token);
    if (it == answers.end())
      return {};
    auto done = std::move(it->second.done);
    answers.erase(it);
    return done;
  }

  void give_up_all() {
    std::unordered_map<std::uint64_t, waiting> all;
    {
      std::lock_guard lock{mutex};
      all.swap(answers);
    }
    // Each is owed its answer, whatever another does with its own.
    for (auto& [_, w] : all)
      guard(callback_part, [&one = w] { one.done(one.sent ? fate::unknown : fate::not_sent, {}); });
  }

  void tick_all() {
    std::unique_lock lock{mutex};
    while (!stopping) {
      over.wait_for(lock, tick_time, [this] { return stopping; });
      const auto now = steady_clock::now();
      std::vector<waiting> late;
      while (!deadlines.empty() && deadlines.front().first <= now) {
        const auto it = answers.find(deadlines.front().second);
        deadlines.pop_front();
        if (it == answers.end())
          continue;
        late.push_back(std::move(it->second));
        answers.erase(it);
      }
      const auto waits = anew_at.has_value();
      if (waits && *anew_at <= now) {
        anew_at.reset();
        // The library says that it is closed, and then it is made anew as after any other end.
        tasks.push_back({{}, 0, 0, {}, [this] { close_nats(connection.get()); }});
        work.notify_one();
      }
      if (move_at && *move_at <= now) {
        move_at.reset();
        tasks.push_back({{}, 0, 0, {}, [this] { move_away(); }});
        work.notify_one();
      }
      lock.unlock();
      for (auto& w : late)
        guard(ticker_part, [&w] { w.done(w.sent ? fate::unknown : fate::not_sent, {}); });
      if (look_again.exchange(false))
        guard(ticker_part, [this] {
          if (watch.dropped)
            watch.dropped();
          if (watch.broke)
            watch.broke();
        });
      if (watch.tick && !waits)
        guard(ticker_part, [this] { watch.tick(); });
      lock.lock();
    }
  }
};

// -- the link ---------------------------------------------------------------------

broker::result<std::unique_ptr<nats_link>> nats_link::open(const nats_options& options,
                                                           broker::log_sink& to) {
  auto i = std::make_shared<impl>(options, to);
  if (auto refused = i->connect())
    return *refused;
  to.info("nats", "connected", {{"server", i->server}});
  return std::unique_ptr<nats_link>{new nats_link{std::move(i)}};
}

broker::result<named_link> named_link::open(const nats_options& options, broker::log_sink& log) {
  auto names = subjects::under(options.prefix);
  if (!names)
    return names.error();
  auto link = nats_link::open(options, log);
  if (!link)
    return link.error();
  return named_link{std::move(*names), std::move(*link)};
}

nats_link::nats_link(std::shared_ptr<impl> i) : impl_{std::move(i)} {}

nats_link::~nats_link() { close(); }

void nats_link::observe(observer o) {
  impl_->watch = std::move(o);
  impl_->start();
}

void nats_link::close() {
  {
    std::lock_guard lock{impl_->mutex};
    if (std::exchange(impl_->stopping, true))
      return;
    impl_->work.notify_all();
    impl_->over.notify_all();
  }
  if (impl_->sender.joinable())
    impl_->sender.join();
  if (impl_->ticker.joinable())
    impl_->ticker.join();
  impl_->connected = false;
  std::deque<impl::task> left;
  {
    std::lock_guard lock{impl_->mutex};
    left.swap(impl_->tasks);
  }
  for (const auto& t : left)
    if (t.sub) // or the library would keep what was to be ended
      impl_->attend(t.sub);
  impl_->release_connection();
  impl_->give_up_all();
  std::lock_guard lock{impl_->mutex};
  impl_->inboxes.clear();
}

bool nats_link::send(const std::string& subject, const headers& with, std::string_view data,
                     const std::string& reply) {
  if (!impl_->connected)
    return false;
  impl::task t;
  t.message = make_message(subject, reply, with, data);
  t.size = data.size() + subject.size() + 256;
  std::lock_guard lock{impl_->mutex};
  if (!t.message || impl_->stopping || impl_->queued_bytes > most_queued_bytes)
    return false;
  impl_->queued_bytes += t.size;
  impl_->tasks.push_back(std::move(t));
  if (impl_->tasks.size() == 1)
    impl_->work.notify_one();
  return true;
}

void nats_link::request(const std::string& subject, const headers& with, std::string_view data,
                        answer_handler done) {
  if (!impl_->connected)
    return done(fate::not_sent, {});
  std::uint64_t token;
  {
    std::lock_guard lock{impl_->mutex};
    token = ++impl_->last_token;
  }
  impl::task t;
  t.message = make_message(subject, impl_->inbox + std::to_string(token), with, data);
  t.size = data.size() + subject.size() + 256;
  t.token = token;
  {
    std::lock_guard lock{impl_->mutex};
    if (t.message && impl_->connected && !impl_->stopping && impl_->queued_bytes <= most_queued_bytes) {
      impl_->answers.emplace(token, impl::waiting{std::move(done)});
      impl_->deadlines.emplace_back(steady_clock::now() + impl_->options.timeout, token);
      impl_->queued_bytes += t.size;
      impl_->tasks.push_back(std::move(t));
      if (impl_->tasks.size() == 1)
        impl_->work.notify_one();
      return;
    }
  }
  done(fate::not_sent, {});
}

bool nats_link::post(std::function<void()> f) {
  std::lock_guard lock{impl_->mutex};
  if (impl_->stopping)
    return false;
  impl_->tasks.push_back({{}, 0, 0, {}, std::move(f)});
  impl_->work.notify_one();
  return true;
}

std::uint64_t nats_link::open_inbox(message_handler to) {
  std::lock_guard lock{impl_->mutex};
  impl_->inboxes.emplace(++impl_->last_token, std::make_shared<message_handler>(std::move(to)));
  return impl_->last_token;
}

void nats_link::close_inbox(std::uint64_t id) {
  std::shared_ptr<message_handler> last; // destroyed without the lock
  std::lock_guard lock{impl_->mutex};
  const auto it = impl_->inboxes.find(id);
  if (it == impl_->inboxes.end())
    return;
  last = std::move(it->second);
  impl_->inboxes.erase(it);
}

std::string nats_link::inbox_subject(std::uint64_t id) const { return impl_->inbox + std::to_string(id); }

std::string nats_link::inbox_name(std::uint64_t id) const { return impl_->id + '-' + std::to_string(id); }

std::shared_ptr<nats_link::subscription> nats_link::subscribe(std::string subject, message_handler to,
                                                              int most_messages, int most_bytes,
                                                              std::string queue) {
  auto s = std::make_shared<subscription::state>();
  s->of = impl_;
  s->subject = std::move(subject);
  s->queue = std::move(queue);
  s->to = std::move(to);
  s->most_messages = most_messages;
  s->most_bytes = most_bytes;
  {
    std::lock_guard lock{impl_->mutex};
    if (!impl_->stopping) {
      impl_->subs.emplace(s.get(), s);
      impl_->tasks.push_back({{}, 0, 0, s, {}});
      impl_->work.notify_one();
    }
  }
  return std::make_shared<subscription>(std::move(s));
}

nats_link::subscription::subscription(std::shared_ptr<state> s) : state_{std::move(s)} {}

nats_link::subscription::~subscription() {
  const auto of = state_->of.lock();
  if (!of)
    return;
  std::lock_guard lock{of->mutex};
  state_->over = true;
  if (of->stopping)
    return;
  of->subs.erase(state_.get());
  of->tasks.push_back({{}, 0, 0, state_, {}});
  of->work.notify_one();
}

bool nats_link::is_connected() const noexcept { return impl_->connected; }

std::string nats_link::server() const {
  std::lock_guard lock{impl_->mutex};
  return impl_->server;
}

const std::string& nats_link::id() const noexcept { return impl_->id; }

} // namespace hubbub::cluster
