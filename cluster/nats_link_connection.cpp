#include "cluster/nats_link_impl.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace hubbub::cluster {
namespace {

// Before a connection is left, answers that are on their way get so long to come.
constexpr std::chrono::milliseconds last_answers_within{250};
// A server that answers needs a millisecond; one that does not holds up the end of the process.
constexpr std::chrono::milliseconds drained_within{1'000};

} // namespace

void nats_link::impl::calling_back(void* c, void (impl::*what)()) noexcept {
  const auto& known_as = **static_cast<std::shared_ptr<line>*>(c);
  if (!known_as.taken)
    return;
  if (const auto self = known_as.of.lock())
    self->guard(nats_callback_part, [&self, what] { ((*self).*what)(); });
}

broker::result<nats_link::impl::made_connection> nats_link::impl::connect_to(const nats_options& to) {
  made_connection made;
  made.known_as = std::make_shared<line>();
  made.known_as->of = weak_from_this();
  auto context = std::make_unique<std::shared_ptr<line>>(made.known_as);
  nats_callbacks on;
  on.context = context.get();
  on.lost = [](void* c) { calling_back(c, &impl::went_away); };
  on.back = [](void* c) { calling_back(c, &impl::came_back); };
  on.closed = [](void* c) {
    calling_back(c, &impl::closed);
    delete static_cast<std::shared_ptr<line>*>(c); // nothing is said after that
  };
  on.dropped = [](void* c) { calling_back(c, &impl::dropped); };
  on.lame_duck = [](void* c) { calling_back(c, &impl::going_down); };
  auto connected_to = connect_nats(to, on);
  if (!connected_to)
    return connected_to.error();
  std::ignore = context.release(); // goes with `closed`
  made.connection = std::move(*connected_to);
  return made;
}

std::optional<broker::refusal> nats_link::impl::connect() {
  auto made = connect_to(options);
  if (!made)
    return made.error();
  take_over(std::move(*made));
  return std::nullopt;
}

void nats_link::impl::take_over(made_connection made) {
  connection = std::move(made.connection);
  known_as = std::move(made.known_as);
  // The library answers no sooner than it has tried the next server, and event loops wait for the mutex.
  auto to = server_of(connection.get());
  {
    std::lock_guard lock{mutex};
    server = std::move(to);
    refused_for_good = false;
  }
  known_as->taken = true;
  inbox_handle = listen_to_answers();
  limit_pending(inbox_handle, -1, -1); // as much as was asked for
  connected = true;
  // What became of it before it was taken over was told to nobody.
  if (is_closed(connection.get()))
    return closed();
  if (is_up(connection.get()))
    return;
  went_away();
  connected = is_up(connection.get()); // it may have been back before it was said to be away
}

std::optional<broker::refusal> nats_link::impl::why_too_small() {
  const auto takes = max_payload_of(connection.get());
  const auto events = std::uint64_t{options.payload_bytes} + nats_headers_bytes;
  const auto needs = std::max<std::uint64_t>(events, most_between_nodes);
  if (takes == 0 || takes >= needs)
    return std::nullopt;
  const auto server = "the NATS server " + server_of(connection.get()) + " takes messages of at most " +
                      std::to_string(takes) + " bytes";
  const auto set = ": set its max_payload to " + std::to_string(needs) + " or more";
  if (takes >= events)
    return broker::refusal{broker::errc::unavailable,
                           server + ", and nodes send each other larger ones" + set};
  return broker::refusal{broker::errc::unavailable,
                         "limits.payload_bytes is " + std::to_string(options.payload_bytes) + ", and " +
                             server + ", with their headers" + set + ", or lower limits.payload_bytes"};
}

natsSubscription* nats_link::impl::listen_to_answers() {
  auto self = std::make_unique<std::shared_ptr<impl>>(shared_from_this());
  auto* handle = subscribe_nats(connection.get(), (inbox + '*').c_str(), nullptr, &impl::on_answer,
                                &impl::on_last_answer, self.get());
  if (handle != nullptr)
    std::ignore = self.release(); // the library's now
  return handle;
}

natsSubscription* nats_link::impl::listen(const sub_ptr& to) {
  const auto bounds = to->to.bounds();
  auto known = to;
  auto* handle =
      subscribe_nats(connection.get(), to->subject(), bounds.queue.empty() ? nullptr : bounds.queue.c_str(),
                     &impl::on_message, &impl::on_last_message, known.get());
  if (handle == nullptr)
    return nullptr;
  limit_pending(handle, bounds.messages, bounds.bytes);
  std::ignore = known.detach(); // the library's now
  return handle;
}

void nats_link::impl::connect_anew() {
  release_connection();
  if (auto refused = connect()) {
    log.limited(broker::log_level::error, "nats", "refused", refused->message);
    return;
  }
  listen_to_all();
  if (connected)
    came_back();
}

void nats_link::impl::listen_to_all() {
  std::vector<sub_ptr> all;
  {
    std::lock_guard lock{mutex};
    all = subs;
  }
  for (const auto& s : all)
    if (s->handle == nullptr)
      s->handle = listen(s);
}

void nats_link::impl::move_away() {
  if (!connected || moving) // it has done so, and the library finds another
    return;
  auto to = options;
  to.servers = servers_around(connection.get(), options.servers);
  if (to.servers.size() < 2)
    return log.info("nats", "there is no other server to go to");
  if (mover.joinable())
    mover.join();
  moving = true;
  try {
    mover = std::thread{[this, to = std::move(to)] { find_another(to); }};
  } catch (...) {
    moving = false;
    throw;
  }
}

void nats_link::impl::find_another(const nats_options& among) noexcept {
  auto found = false;
  guard(nats_mover_part, [&] {
    auto made = connect_to(among);
    if (!made)
      return log.limited(broker::log_level::warn, "nats", "move",
                         "no other server is there yet: " + made.error().message);
    // As a task must be copied.
    auto held = std::make_shared<made_connection>(std::move(*made));
    found = queue({{}, 0, 0, {}, [this, held] { change_over(std::move(*held)); }});
  });
  if (found)
    return;
  moving = false;
  std::lock_guard lock{mutex};
  move_at = std::chrono::steady_clock::now() + nats_connect_again;
}

void nats_link::impl::change_over(made_connection made) {
  moving = false;
  if (!connected) // the library finds another by itself, and nobody hears of the one that goes with this
    return;
  await_answers();
  leaving = true;
  release_connection();
  leaving = false;
  take_over(std::move(made));
  listen_to_all();
  ++options.links->moves;
  if (connected)
    came_back_as("moved to another server");
}

void nats_link::impl::await_answers() {
  const auto until = std::chrono::steady_clock::now() + last_answers_within;
  std::unique_lock lock{mutex};
  while (!stopping && std::chrono::steady_clock::now() < until &&
         std::ranges::any_of(answers, [](const auto& one) { return one.second.sent; }))
    over.wait_for(lock, std::chrono::milliseconds{2});
}

void nats_link::impl::attend(const sub_ptr& s) {
  bool end;
  {
    std::lock_guard lock{mutex};
    end = s->is_over();
  }
  if (end && s->handle != nullptr) {
    end_subscription(s->handle);
    graves.push_back({std::chrono::steady_clock::now() + nats_bury_after, std::exchange(s->handle, nullptr)});
  } else if (!end && s->handle == nullptr && connection) {
    s->handle = listen(s);
  }
}

void nats_link::impl::bury(bool all) {
  const auto now = std::chrono::steady_clock::now();
  while (!graves.empty() && (all || graves.front().when <= now)) {
    destroy_subscription(graves.front().handle);
    graves.pop_front();
  }
}

void nats_link::impl::drain() {
  std::deque<task> left;
  {
    std::lock_guard lock{mutex};
    left.swap(tasks);
  }
  for (auto& t : left)
    if (!t.call)
      perform(t);
  leaving = true;
  if (connected && drain_nats(connection.get(), drained_within))
    std::ignore = await_closed(drained_within);
}

bool nats_link::impl::await_closed(std::chrono::milliseconds within) {
  std::unique_lock lock{mutex};
  return over.wait_for(lock, within, [this] { return refused_for_good; });
}

void nats_link::impl::release_connection() {
  if (!connection)
    return;
  close_nats(connection.get());
  std::ignore = await_closed(std::chrono::seconds{10});
  destroy_subscription(std::exchange(inbox_handle, nullptr));
  std::vector<sub_ptr> all;
  {
    std::lock_guard lock{mutex};
    all = subs;
  }
  for (const auto& s : all)
    destroy_subscription(std::exchange(s->handle, nullptr));
  bury(true);
  connection.reset();
  known_as->taken = false;
}

} // namespace hubbub::cluster
