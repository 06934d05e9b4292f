#pragma once

#include "broker/event_bus.hpp"
#include "cluster/base64.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hubbub::test {

inline broker::room_name room(const std::string& name) { return broker::room_name::parse(name).value(); }

/// Looks again and again whether `is`; false when it is not within 20 s.
template <class Is>
bool eventually(Is is) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!is()) {
    if (std::chrono::steady_clock::now() >= end)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

/// What a publish came to.
struct published {
  bool stored = false;
  broker::stored what;
  broker::publish_refused refused;
};

/// Records what a bus tells a room. Any thread.
class recording_handler final : public broker::event_bus_handler {
public:
  void on_ready(broker::stream_position head) override {
    note([&] { heads_.push_back(std::move(head)); });
  }
  void on_unavailable(broker::refusal why) override {
    note([&] { unavailable_.push_back(std::move(why)); });
  }
  bool on_event(broker::stored_event_ptr e) override {
    note([&] { events_.push_back(std::move(e)); });
    return true;
  }
  void on_stored(broker::publish_token token, broker::stored what) override {
    note([&] { answer(token, {true, std::move(what), {}}); });
  }
  void on_refused(broker::publish_token token, broker::publish_refused what) override {
    note([&] { answer(token, {false, {}, std::move(what)}); });
  }
  void on_epoch(broker::stream_position head) override {
    note([&] { epochs_.push_back(std::move(head)); });
  }
  void on_lost(std::uint64_t count) override {
    note([&] { lost_ += count; });
  }

  /// Waits until `is` holds of what was recorded.
  template <class Is>
  void until(Is is, const char* what) {
    std::unique_lock lock{mutex_};
    if (!news_.wait_for(lock, std::chrono::seconds{60}, is))
      throw std::runtime_error{std::string{"never happened: "} + what};
  }
  published answer_of(broker::publish_token token) {
    until([&] { return answers_.contains(token); }, "an answer");
    std::lock_guard lock{mutex_};
    return answers_.at(token);
  }
  broker::stream_position ready() {
    until([&] { return !heads_.empty(); }, "on_ready");
    std::lock_guard lock{mutex_};
    return heads_.front();
  }
  /// Waits until the room is open, or cannot be.
  void until_known() {
    until([&] { return !heads_.empty() || !unavailable_.empty(); }, "an answer to `want`");
  }
  /// Waits until the event at `offset` came, or the room began behind it.
  void until_at(std::uint64_t offset) {
    until(
        [&] {
          return (!events_.empty() && events_.back()->offset >= offset) ||
                 (!heads_.empty() && heads_.front().offset >= offset);
        },
        "the event itself");
  }
  void until_events(std::size_t n) {
    until([&] { return events_.size() >= n; }, "all events");
  }
  void until_unavailable() {
    until([&] { return !unavailable_.empty(); }, "on_unavailable");
  }
  void until_answers(std::size_t n) {
    until([&] { return answers_.size() >= n; }, "all answers");
  }
  std::vector<broker::stored_event_ptr> events() {
    std::lock_guard lock{mutex_};
    return events_;
  }
  /// The heads of the epochs that followed.
  std::vector<broker::stream_position> epochs() {
    std::lock_guard lock{mutex_};
    return epochs_;
  }
  std::map<broker::publish_token, published> answers() {
    std::lock_guard lock{mutex_};
    return answers_;
  }
  /// Events of a live room that never came.
  std::uint64_t lost() {
    std::lock_guard lock{mutex_};
    return lost_;
  }
  std::size_t times_ready() {
    std::lock_guard lock{mutex_};
    return heads_.size();
  }
  /// Did two calls overlap, or did a token get two answers?
  bool broke_the_rules() const noexcept { return broken_; }

private:
  template <class F>
  void note(F f) {
    if (inside_.fetch_add(1) != 0)
      broken_ = true;
    {
      std::lock_guard lock{mutex_};
      f();
    }
    inside_.fetch_sub(1);
    news_.notify_all();
  }
  void answer(broker::publish_token token, published what) {
    if (!answers_.emplace(token, std::move(what)).second)
      broken_ = true;
  }

  std::mutex mutex_;
  std::condition_variable news_;
  std::atomic<int> inside_{0};
  std::atomic<bool> broken_{false};
  std::vector<broker::stream_position> heads_;
  std::vector<broker::stream_position> epochs_;
  std::uint64_t lost_ = 0;
  std::vector<broker::refusal> unavailable_;
  std::vector<broker::stored_event_ptr> events_;
  std::map<broker::publish_token, published> answers_;
};

/// A room as the bus sees it: wants its events, and publishes.
class room_double {
public:
  room_double(broker::event_bus& bus, const std::string& name)
      : name_{room(name)}, interest_{bus.want(name_, seen_)} {}

  broker::event event(std::string data) const {
    broker::event e;
    e.room = name_;
    e.data = std::move(data);
    return e;
  }
  broker::publish_token send(broker::event e) {
    interest_->publish(++last_token_, std::move(e));
    return last_token_;
  }
  /// Waits until it is answered and, when it is kept, until it came.
  published publish(broker::event e) {
    seen_->until_known();
    auto p = seen_->answer_of(send(std::move(e)));
    if (p.stored && !p.what.duplicate)
      seen_->until_at(p.what.position.offset);
    return p;
  }
  /// Publishes `data`, which must be kept, and returns its offset.
  std::uint64_t keep(std::string data) {
    const auto p = publish(event(std::move(data)));
    if (!p.stored)
      throw std::runtime_error{"refused: " + p.refused.why.message};
    return p.what.position.offset;
  }

  recording_handler& seen() noexcept { return *seen_; }
  broker::interest& interest() noexcept { return *interest_; }
  const broker::room_name& name() const noexcept { return name_; }

private:
  broker::room_name name_;
  std::shared_ptr<recording_handler> seen_ = std::make_shared<recording_handler>();
  std::unique_ptr<broker::interest> interest_;
  broker::publish_token last_token_ = 0;
};

inline broker::read_result read(broker::event_bus& bus, broker::read_request what) {
  std::promise<broker::read_result> answer;
  auto future = answer.get_future();
  bus.read(std::move(what), [&](broker::read_result r) { answer.set_value(std::move(r)); });
  if (future.wait_for(std::chrono::seconds{60}) != std::future_status::ready)
    std::abort(); // the handler would write to a promise that is gone
  return future.get();
}

inline broker::read_request after(const std::string& name, std::uint64_t offset) {
  broker::read_request what;
  what.room = room(name);
  what.after = offset;
  what.limit = 1'000'000;
  what.limit_bytes = 1 << 30;
  return what;
}

using texts = std::vector<std::string>;
using offsets = std::vector<std::uint64_t>;

/// What was published: tests' data are seldom JSON, and a bus that must check them makes base64 of those.
template <class Events>
texts data_of(const Events& events) {
  texts all;
  for (const auto& e : events)
    all.push_back(e->encoding == broker::data_encoding::base64 ? cluster::from_base64(e->data).value()
                                                               : e->data);
  return all;
}
template <class Events>
offsets offsets_of(const Events& events) {
  offsets all;
  for (const auto& e : events)
    all.push_back(e->offset);
  return all;
}

} // namespace hubbub::test
