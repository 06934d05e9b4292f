#include "cluster/nats_link_impl.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace hubbub::cluster {
namespace {

// The library's reading thread may still hold a subscription that was just ended.
constexpr std::chrono::seconds bury_after{2};
// Before a connection is left, answers that are on their way get so long to come.
constexpr std::chrono::milliseconds last_answers_within{250};
// A server that answers needs a millisecond; one that does not holds up the end of the process.
constexpr std::chrono::milliseconds drained_within{1'000};

} // namespace

void nats_link::impl::calling_back(void* c, void (impl::*what)()) noexcept {
  auto& self = *static_cast<impl*>(c);
  self.guard(nats_callback_part, [&self, what] { (self.*what)(); });
}

nats_callbacks nats_link::impl::callbacks() {
  nats_callbacks on;
  on.context = this; // the connection is closed, and says so, before this goes
  on.lost = [](void* c) { calling_back(c, &impl::went_away); };
  on.back = [](void* c) { calling_back(c, &impl::came_back); };
  on.closed = [](void* c) { calling_back(c, &impl::closed); };
  on.dropped = [](void* c) { calling_back(c, &impl::dropped); };
  on.lame_duck = [](void* c) { calling_back(c, &impl::going_down); };
  return on;
}

std::optional<broker::refusal> nats_link::impl::connect() {
  auto made = connect_nats(options, callbacks());
  if (!made)
    return made.error();
  take_over(std::move(*made));
  return std::nullopt;
}

void nats_link::impl::take_over(nats_conn_ptr made) {
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

natsSubscription* nats_link::impl::listen(const sub_ptr& to) {
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

void nats_link::impl::connect_anew() {
  release_connection();
  if (auto refused = connect()) {
    log.limited(broker::log_level::error, "nats", "refused", refused->message);
    return;
  }
  listen_to_all();
  came_back();
}

void nats_link::impl::listen_to_all() {
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

void nats_link::impl::move_away() {
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
    move_at = std::chrono::steady_clock::now() + nats_connect_again;
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
    end = s->over;
  }
  if (end && s->handle != nullptr) {
    end_subscription(s->handle);
    graves.push_back({std::chrono::steady_clock::now() + bury_after, std::exchange(s->handle, nullptr)});
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
    for (const auto& [_, s] : subs)
      all.push_back(s);
  }
  for (const auto& s : all)
    destroy_subscription(std::exchange(s->handle, nullptr));
  bury(true);
  connection.reset();
}

} // namespace hubbub::cluster
