#pragma once

#include "broker/room.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace hubbub::tests {

/// A room without a node. Its log is a list that answers when a test says so, what it hears of its log comes
/// when a test says so, and what it decides is recorded.
class room_world : broker::room_output {
public:
  explicit room_world(const broker::policy& how) : rules{how} {}

  /// Retained rooms' rules for tests of joining: nobody is in the roster, and the tape is short.
  [[nodiscard]] static broker::policy short_tape() {
    broker::policy p;
    p.presence = broker::presence_mode::off;
    p.tape_bytes = 2048;
    return p;
  }

  // -- the log ------------------------------------------------------------------

  /// The log has one more event, whose offset is `step` higher; the room has not heard of it.
  void keep(std::uint64_t step = 1) {
    auto e = std::make_shared<broker::stored_event>();
    e->room = room.name();
    e->event_id = "id";
    e->data = '"' + std::string(100, 'x') + '"';
    e->time_ms = time.unix_ms();
    e->previous = head_.offset;
    e->offset = head_.offset += step;
    events_.push_back(e);
    unheard_.push_back(std::move(e));
  }
  /// The room hears of the next one. False: there is none.
  bool hear() {
    if (unheard_.empty())
      return false;
    const auto e = unheard_.front();
    unheard_.pop_front();
    std::ignore = room.event_came(e);
    return true;
  }
  /// Of what it has not heard yet the room is never told.
  void unhear() { unheard_.clear(); }
  void say(int times = 1) {
    for (; times > 0; --times) {
      keep();
      hear();
    }
  }
  /// The log gives up its oldest event.
  void trim() {
    if (events_.empty())
      return;
    trimmed_ = events_.front()->offset;
    events_.pop_front();
  }
  /// The log has so many events of other rooms.
  void pass(std::uint64_t others) { head_.offset += others; }
  /// The log is lost, and there is another.
  void begin_anew() {
    head_ = {"epoch-" + std::to_string(++lives_), 0};
    trimmed_ = 0;
    events_.clear();
    unhear();
    room.began_anew(head_);
  }

  [[nodiscard]] const broker::stream_position& head() const { return head_; }
  [[nodiscard]] std::uint64_t trimmed() const { return trimmed_; }
  [[nodiscard]] const std::deque<broker::stored_event_ptr>& events() const { return events_; }

  // -- reads of it that are under way ---------------------------------------------

  [[nodiscard]] std::size_t held() const { return held_.size(); }
  /// The log looks for the answer now, and gives it later.
  void look_up(std::size_t i) {
    if (!held_[i].found)
      held_[i].found = result_of(held_[i].what);
  }
  void answer(std::size_t i = 0) {
    look_up(i);
    auto r = std::move(held_[i]);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
    r.done(std::move(*r.found));
  }
  void fail(std::size_t i) {
    held_[i].found.emplace();
    held_[i].found->why = {broker::errc::unavailable, "the log cannot be reached"};
    answer(i);
  }
  /// Until nothing is asked, heard or waited for any more.
  void settle() {
    auto again = true;
    for (auto round = 0; again && round < 10'000; ++round) {
      again = hear();
      if (!held_.empty()) {
        answer();
        again = true;
      }
      again = tick() || again;
      again = mind_log() || again;
    }
  }
  bool tick() {
    if (!std::exchange(tick_due_, false))
      return false;
    room.tick();
    return true;
  }
  bool mind_log() {
    if (!std::exchange(log_due_, false))
      return false;
    room.mind_log();
    return true;
  }

  // -- joining --------------------------------------------------------------------

  /// Numbers rise from 1.
  std::uint64_t join(broker::join_request who) {
    who.id = ++joins_;
    room.join(std::move(who));
    return joins_;
  }
  std::uint64_t join(std::uint64_t session, std::optional<broker::stream_position> since = {}) {
    broker::join_request who;
    who.session = {session};
    who.since = std::move(since);
    return join(std::move(who));
  }
  [[nodiscard]] std::uint64_t joins() const { return joins_; }
  [[nodiscard]] bool is_answered(std::uint64_t id) const {
    return joined.contains(id) || refused.contains(id);
  }

  broker::policy rules;
  broker::manual_clock time;
  broker::tape_budget budget;
  broker::room_name name = *broker::room_name::parse("chat.news");
  std::map<std::uint64_t, broker::join_answer> joined;
  std::map<std::uint64_t, broker::refusal> refused;
  /// Joins that were answered twice.
  std::vector<std::uint64_t> twice;
  std::size_t reads = 0;
  std::size_t ticks = 0;
  /// The room has told its loop of something.
  bool news = false;
  /// The feed that shows its people to readers now; null: none was told to.
  broker::feed_ptr shows_people;

private:
  struct held_read {
    broker::read_request what;
    broker::read_handler done;
    std::optional<broker::read_result> found;
  };

  [[nodiscard]] broker::read_result result_of(const broker::read_request& what) const {
    broker::read_result r;
    r.head = head_;
    r.complete = what.after >= trimmed_ && what.after <= head_.offset;
    for (const auto& e : events_)
      if (e->offset > what.after && (what.before == 0 || e->offset < what.before))
        r.events.push_back(e);
    if (r.events.size() > what.limit) {
      r.more = true;
      const auto beyond = static_cast<std::ptrdiff_t>(r.events.size() - what.limit);
      if (what.newest)
        r.events.erase(r.events.begin(), r.events.begin() + beyond);
      else
        r.events.erase(r.events.end() - beyond, r.events.end());
    }
    return r;
  }

  void on_joined(std::uint64_t id, broker::join_answer a) override {
    if (is_answered(id))
      twice.push_back(id);
    joined.emplace(id, std::move(a));
  }
  void on_join_refused(std::uint64_t id, broker::refusal why) override {
    if (is_answered(id))
      twice.push_back(id);
    refused.emplace(id, std::move(why));
  }
  void on_published(broker::publish_token, broker::stored) override {}
  void on_publish_refused(broker::publish_token, broker::publish_refused) override {}
  void on_members(std::uint64_t, broker::member_page) override {}
  void on_adopted(std::uint32_t, broker::feed_ptr) override {}
  void tell_news(const broker::feed_ptr&, std::uint64_t) override { news = true; }
  void tell_presence(const broker::feed_ptr& from, std::uint64_t) override { shows_people = from; }
  void send_now(const broker::feed_ptr&) override {}
  void delay_news(broker::milliseconds) override {}
  void delay_tick(broker::milliseconds) override {
    ++ticks;
    tick_due_ = true;
  }
  void delay_log(broker::milliseconds) override { log_due_ = true; }
  void read(broker::read_request what, broker::read_handler done) override {
    ++reads;
    held_.push_back({std::move(what), std::move(done), {}});
  }
  std::unique_ptr<broker::roster_interest> follow_roster() override { return nullptr; }
  broker::frame_maker& frames() override { return frames_; }

  broker::frame_maker frames_;
  broker::stream_position head_{"epoch-1", 0};
  std::uint64_t trimmed_ = 0;
  std::uint64_t lives_ = 1;
  std::deque<broker::stored_event_ptr> events_;
  std::deque<broker::stored_event_ptr> unheard_;
  std::vector<held_read> held_;
  std::uint64_t joins_ = 0;
  bool tick_due_ = false;
  bool log_due_ = false;

public:
  /// It is open once it was told `ready`.
  const broker::room_surroundings around{1, budget, time, 0, nullptr};
  broker::room room{name, rules, 1, around, *this};
};

} // namespace hubbub::tests
