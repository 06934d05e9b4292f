#include "transport/event_loop.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sys/epoll.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace hubbub::transport {

namespace {

using namespace std::chrono_literals;
using real_clock = std::chrono::steady_clock;

constexpr auto busy_tick = 100ms;
constexpr auto idle_tick = 1000ms;
/// Events taken at once; the rest comes with the next turn.
constexpr std::size_t batch = 512;
/// Rounds of "read on" and of flushing within one turn, so that no one keeps the others waiting.
constexpr int rounds = 8;
/// Rounds of "read on" while Beast has more of what was read already: each takes one message of a connection,
/// whose credits bound how many that are. What a turn reads together leaves in one write for each reader.
constexpr int posted_rounds = 512;
/// Times that the phases decide after the end.
constexpr int last_rounds = 100;

int make_epoll() {
  auto descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0)
    throw std::system_error{errno, std::generic_category(), "epoll_create1"};
  return descriptor;
}

} // namespace

event_loop::event_loop(std::uint32_t index, const broker::clock& time)
    : index_{index},
      time_{time},
      epoll_{make_epoll()},
      inbox_{std::make_shared<inbox>()},
      io_{std::make_unique<boost::asio::io_context>(1)},
      now_{time.now()},
      ticked_{real_clock::now()},
      began_{ticked_},
      ended_{ticked_} {
  epoll_event e{};
  e.events = EPOLLIN | EPOLLET;
  e.data.ptr = nullptr;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, inbox_->descriptor(), &e) != 0)
    throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
}

event_loop::~event_loop() {
  inbox_->close();
  ::close(epoll_);
}

void event_loop::wake() noexcept {
  if (on_this_thread())
    woken_here_ = true;
  else
    inbox_->wake();
}

void event_loop::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  inbox_->wake();
}

void event_loop::run() {
  inbox_->own(std::this_thread::get_id());
  // OpenSSL writes with write(2), which would end the process when a peer has gone.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (!stopping_.load(std::memory_order_acquire))
    turn();
  finish();
  inbox_->own({});
}

void event_loop::turn() {
  wait();
  run_again();
  run_jobs();
  tick();
  if (phases_) {
    phases_->decide();
    phases_->send_news();
  }
  flush();
  bury_all();
  ended_ = real_clock::now();
  lag_.ended(ended_);
  if (shares_core_ && phases_ && phases_->wants_another())
    std::this_thread::yield();
}

bool event_loop::busy() const noexcept {
  return woken_here_ || posted_ || !again_.empty() || !dirty_.empty() || !buried_.empty() ||
         (phases_ && phases_->wants_another());
}

void event_loop::wait() {
  int timeout = 0;
  if (!busy()) {
    auto due = ticked_ + (sockets_ ? busy_tick : idle_tick);
    auto left = std::chrono::ceil<std::chrono::milliseconds>(due - ended_);
    timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1000));
  }
  woken_here_ = false;
  std::array<epoll_event, batch> events;
  auto n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
  now_ = time_.now();
  began_ = real_clock::now();
  lag_.began(began_);
  for (int i = 0; i < n; ++i) {
    auto& e = events[static_cast<std::size_t>(i)];
    if (e.data.ptr)
      static_cast<pollable*>(e.data.ptr)->on_ready(e.events);
    else
      inbox_->rearm(); // before decide() and the jobs, so that nothing said from here on is missed
  }
}

void event_loop::run_again() {
  for (int i = 0; (posted_ && i < posted_rounds) || (i < rounds && !again_.empty()); ++i) {
    if (std::exchange(posted_, false)) {
      io_->restart();
      io_->poll();
    }
    running_.swap(again_);
    for (auto* who : running_)
      who->on_again();
    running_.clear();
  }
}

void event_loop::run_jobs() {
  for (auto& job : inbox_->take())
    job();
}

void event_loop::tick() {
  if (began_ - ticked_ < (sockets_ ? busy_tick : idle_tick))
    return;
  ticked_ = began_;
  for (std::size_t i = 0; i < residents_.size(); ++i)
    residents_[i]->on_tick(now_);
  if (phases_)
    phases_->tick(now_);
}

void event_loop::flush() {
  for (int i = 0; i < rounds && !dirty_.empty(); ++i) {
    running_.swap(dirty_);
    for (auto* who : running_)
      who->on_flush();
    running_.clear();
  }
}

void event_loop::bury_all() {
  if (buried_.empty())
    return;
  running_.swap(buried_);
  for (auto* who : running_) {
    std::erase(again_, who);
    std::erase(dirty_, who);
  }
  auto dead = std::exchange(running_, {});
  for (auto* who : dead)
    who->on_buried();
}

void event_loop::remove(resident& who) { std::erase(residents_, &who); }

void event_loop::finish() {
  run_jobs();
  for (auto* who : std::exchange(residents_, {}))
    who->on_stop();
  while (!buried_.empty())
    bury_all();
  // Those who decide learn of it, as long as one thing leads to another, but not for ever.
  for (int i = 0; phases_ && i < last_rounds; ++i) {
    phases_->decide();
    phases_->send_news();
    if (!phases_->wants_another())
      break;
  }
  inbox_->close();
}

bool event_loop::watch(int descriptor, std::uint32_t events, pollable& who) noexcept {
  epoll_event e{};
  e.events = events;
  e.data.ptr = &who;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &e) == 0;
}

void event_loop::rewatch(int descriptor, std::uint32_t events, pollable& who) noexcept {
  epoll_event e{};
  e.events = events;
  e.data.ptr = &who;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &e);
}

void event_loop::unwatch(int descriptor) noexcept { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr); }

} // namespace hubbub::transport
