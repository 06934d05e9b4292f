#include "cluster/nats_link_impl.hpp"

#include <utility>
#include <vector>

namespace hubbub::cluster {
namespace {

constexpr std::chrono::milliseconds tick_time{20};
constexpr std::string_view ticker_part = "nats ticker";

} // namespace

void nats_link::impl::start() {
  sender = std::thread{[this] { send_all(); }};
  ticker = std::thread{[this] { tick_all(); }};
}

bool nats_link::impl::queue(task t) {
  std::lock_guard lock{mutex};
  if (stopping)
    return false;
  tasks.push_back(std::move(t));
  work.notify_one();
  return true;
}

void nats_link::impl::send_all() {
  std::deque<task> mine;
  std::unique_lock lock{mutex};
  while (!stopping) {
    if (refused_for_good) {
      lock.unlock();
      guard(nats_sender_part, [this] { connect_anew(); });
      lock.lock();
      // What is asked of the link meanwhile comes to nothing, but it must not pile up.
      if (refused_for_good)
        work.wait_for(lock, nats_connect_again, [this] { return stopping; });
    } else if (tasks.empty()) {
      if (graves.empty())
        work.wait(lock);
      else
        work.wait_for(lock, nats_bury_after);
    }
    mine.swap(tasks);
    lock.unlock();
    for (auto& t : mine)
      guard(nats_sender_part, [this, &t] { perform(t); });
    mine.clear();
    bury(false);
    lock.lock();
  }
}

void nats_link::impl::perform(task& t) {
  if (t.call)
    return t.call();
  if (t.sub)
    return attend(t.sub);
  if (!may_send(t))
    return;
  // What broke off is answered when the connection is given up, or in time.
  const auto left = publish_nats(connection.get(), t.message.get());
  if (left == send_result::sent || left == send_result::unknown)
    return;
  if (auto done = take(t.token))
    done(left == send_result::too_large ? fate::too_large : fate::not_sent, {});
  else if (left == send_result::too_large)
    log.limited(broker::log_level::error, "nats", "too-large",
                "a message has more bytes than the NATS server takes (max_payload), and was not sent");
}

bool nats_link::impl::may_send(const task& t) {
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

nats_link::answer_handler nats_link::impl::take(std::uint64_t token) {
  std::lock_guard lock{mutex};
  const auto it = answers.find(token);
  if (it == answers.end())
    return {};
  auto done = std::move(it->second.done);
  answers.erase(it);
  return done;
}

void nats_link::impl::give_up_all() {
  std::unordered_map<std::uint64_t, waiting> all;
  {
    std::lock_guard lock{mutex};
    all.swap(answers);
  }
  // Each is owed its answer, whatever another does with its own.
  for (auto& [_, w] : all)
    guard(nats_callback_part, [&one = w] { one.done(one.sent ? fate::unknown : fate::not_sent, {}); });
}

void nats_link::impl::tick_all() {
  std::unique_lock lock{mutex};
  while (!stopping) {
    over.wait_for(lock, tick_time, [this] { return stopping; });
    const auto now = std::chrono::steady_clock::now();
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

} // namespace hubbub::cluster
