#include "actors/actor_node.hpp"
#include "broker/clock.hpp"
#include "broker/metrics.hpp"
#include "cluster/embedded_bus.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace hubbub;
using namespace hubbub::tests;
using nlohmann::json;

/// Rooms that end and are made again, many thousand times, while clients on four threads join, publish and
/// leave. Time is turned by hand, so a room's patience is over in a few turns.
namespace {

constexpr std::size_t rooms = 12;
std::string room_name(std::size_t i) { return "brief.room" + std::to_string(i); }

/// A loop that turns as fast as it can.
class busy_loop final : public broker::loop {
public:
  busy_loop(std::uint32_t index, const broker::clock& time) : index_{index}, time_{time} {}
  void begin() { thread_ = std::this_thread::get_id(); }
  void wake() noexcept override {}
  [[nodiscard]] bool on_this_thread() const noexcept override {
    return thread_.load() == std::this_thread::get_id();
  }
  [[nodiscard]] std::uint32_t index() const noexcept override { return index_; }
  [[nodiscard]] broker::steady_time now() const noexcept override { return time_.now(); }

private:
  std::uint32_t index_;
  const broker::clock& time_;
  std::atomic<std::thread::id> thread_{};
};

/// Counts how often a room is made.
class counting_bus final : public broker::event_bus {
public:
  explicit counting_bus(std::unique_ptr<broker::event_bus> real) : real_{std::move(real)} {}
  std::atomic<int> made{0};

  [[nodiscard]] std::unique_ptr<broker::interest>
  want(const broker::room_name& room, std::shared_ptr<broker::event_bus_handler> handler) override {
    ++made;
    return real_->want(room, std::move(handler));
  }
  void read(broker::read_request what, broker::read_handler done) override {
    real_->read(std::move(what), std::move(done));
  }
  [[nodiscard]] broker::guarantee promises() const override { return real_->promises(); }
  [[nodiscard]] broker::refusal health() const override { return real_->health(); }

private:
  std::unique_ptr<broker::event_bus> real_;
};

/// All visit rooms and publish; nobody begins a visit any more; each room is looked at once more, to its end.
enum class phase { talking, falling_silent, looking };

/// Comes to a room with the position that it had, says something, goes, and rests a while. One question at a
/// time. Its loop only, until the threads have ended.
class visitor {
public:
  struct place {
    json since;
    std::vector<std::uint64_t> got;
  };
  std::array<place, rooms> places;
  /// Offsets of what it published.
  std::array<std::vector<std::uint64_t>, rooms> said;
  std::vector<std::string> complaints;
  /// With what the phase asks.
  bool done = false;

  visitor(std::uint32_t seed, broker::connection_acceptor& at, broker::loop& loop) : random_{seed} {
    auto in = at.admit({}, loop);
    handler_ = std::move(in.value().handler);
    handler_->on_open(wire_);
  }

  void turn(phase now) {
    hear();
    const auto last = now == phase::looking;
    done = done && now == done_in_;
    if (waiting_ || done || (now == phase::talking && rests_ > 0 && rests_-- > 0))
      return;
    switch (doing_) {
    case what::resting:
      if (now == phase::falling_silent || (last && seen_ == rooms)) {
        done = true;
        done_in_ = now;
        return;
      }
      here_ = last ? seen_++ : std::uniform_int_distribution<std::size_t>{0, rooms - 1}(random_);
      doing_ = what::joining;
      return ask({{"op", "join"}, {"since", places[here_].since}});
    case what::joining:
      doing_ = what::publishing;
      if (now == phase::talking)
        return ask({{"op", "publish"}, {"type", "m"}, {"data", "hello"}});
      [[fallthrough]];
    case what::publishing:
      if (last && (places[here_].got.empty() ? 0 : places[here_].got.back()) < head_)
        return; // the rest comes
      doing_ = what::leaving;
      return ask({{"op", "leave"}});
    case what::leaving:
      doing_ = what::resting;
      rests_ = std::uniform_int_distribution<int>{0, 40}(random_);
    }
  }
  [[nodiscard]] std::string waits_for() const { return waiting_ ? asked_.dump() : ""; }
  void close() { handler_->on_closed(); }

private:
  enum class what { resting, joining, publishing, leaving } doing_ = what::resting;
  phase done_in_ = phase::talking;

  void ask(json command) {
    command["id"] = ++id_;
    command["room"] = room_name(here_);
    if (command.contains("since") && command["since"].is_null()) {
      command.erase("since");
      command["history"] = 1'000'000; // from the beginning
    }
    waiting_ = true;
    asked_ = command;
    handler_->on_message(command.dump());
  }

  void hear() {
    for (const auto& text : wire_.messages()) {
      const auto m = json::parse(text);
      auto& place = places[here_];
      if (m["op"] == "event") {
        const std::uint64_t offset = m["offset"];
        if (m["room"] != room_name(here_) || (!place.got.empty() && place.got.back() >= offset))
          complaints.push_back(text);
        place.got.push_back(offset);
        place.since["offset"] = offset;
      } else if (m.contains("id")) {
        if (!waiting_ || m["id"] != id_ || m["op"] != "ok")
          complaints.push_back(asked_.dump() + " answered by " + text);
        waiting_ = false;
        if (doing_ == what::joining) {
          if (m.contains("recovered") && m["recovered"] == false)
            complaints.push_back(text);
          head_ = m["head"];
          place.since = {{"epoch", m["epoch"]}, {"offset", m["offset"]}};
        } else if (doing_ == what::publishing && m.contains("offset")) {
          said[here_].push_back(m["offset"]);
        }
      } else if (m["op"] == "gap") {
        complaints.push_back(text);
      }
    }
  }

  fake_connection wire_;
  std::shared_ptr<broker::connection_handler> handler_;
  std::mt19937 random_;
  std::size_t here_ = 0;
  std::size_t seen_ = 0;
  std::uint64_t head_ = 0;
  int rests_ = 0;
  int id_ = 0;
  bool waiting_ = false;
  json asked_;
};

class ending_rooms {
public:
  static constexpr std::uint32_t loop_count = 4;
  static constexpr std::uint32_t visitors_each = 3;

  ending_rooms() {
    broker::policy rules;
    rules.anyone = broker::right::join | broker::right::publish | broker::right::history;
    rules.presence = broker::presence_mode::off;
    rules.history_size = 1'000'000;
    rules.history_age = rules.recover_age = std::chrono::hours{100'000};
    rules.tape_bytes = 4096;
    spaces_ = std::make_unique<broker::namespaces>(rules);
    bounds_.commands_per_second = 0;
    bounds_.ping = bounds_.stall = std::chrono::hours{100'000};
    bus = std::make_unique<counting_bus>(std::move(*cluster::open_embedded_bus({}, *spaces_, time_)));
    std::vector<broker::loop*> all;
    for (std::uint32_t i = 0; i < loop_count; ++i) {
      loops_.push_back(std::make_unique<busy_loop>(i, time_));
      all.push_back(loops_.back().get());
    }
    actors::actor_node::settings s;
    s.anonymous = true;
    s.node = "test";
    node_ = std::make_unique<actors::actor_node>(std::move(s), std::move(all), *bus, *spaces_, bounds_, time_,
                                                 log_, metrics_);
  }

  /// Until rooms were made so often, or for so long.
  void run(int made, std::chrono::seconds at_most) {
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < loop_count; ++i)
      threads.emplace_back([this, i] { turn_loop(i); });
    wait(at_most, [&] { return bus->made >= made; });
    for (auto next : {phase::falling_silent, phase::looking}) {
      done_ = 0;
      phase_ = next;
      wait(std::chrono::seconds{20}, [&] { return done_ == static_cast<int>(loop_count); });
    }
    over_ = true;
    for (auto& t : threads)
      t.join();
  }

  std::vector<std::unique_ptr<visitor>>& visitors(std::size_t loop) { return visitors_[loop]; }
  std::unique_ptr<counting_bus> bus;

private:
  template <class Is>
  static void wait(std::chrono::seconds at_most, Is is) {
    const auto until = std::chrono::steady_clock::now() + at_most;
    while (!is() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  void turn_loop(std::uint32_t i) {
    loops_[i]->begin();
    auto& mine = visitors_[i];
    auto& phases = node_->phases(i);
    for (std::uint32_t n = 0; n < visitors_each; ++n)
      mine.push_back(std::make_unique<visitor>(i * visitors_each + n + 1, node_->acceptor(), *loops_[i]));
    auto told = phase::talking;
    while (!over_) {
      const auto now = phase_.load();
      for (auto& v : mine)
        v->turn(now);
      phases.decide();
      phases.send_news();
      time_.advance(std::chrono::milliseconds{100});
      phases.tick(time_.now());
      if (told != now && std::all_of(mine.begin(), mine.end(), [](const auto& v) { return v->done; })) {
        told = now;
        ++done_;
      }
    }
    for (auto& v : mine)
      v->close();
  }

  broker::manual_clock time_;
  broker::limits bounds_;
  broker::null_log log_;
  broker::metrics metrics_{loop_count};
  std::unique_ptr<broker::namespaces> spaces_;
  std::vector<std::unique_ptr<busy_loop>> loops_;
  std::unique_ptr<actors::actor_node> node_;
  std::array<std::vector<std::unique_ptr<visitor>>, loop_count> visitors_;
  std::atomic<phase> phase_{phase::talking};
  std::atomic<int> done_{0};
  std::atomic<bool> over_{false};
};

} // namespace

TEST_CASE("rooms that end under those who come lose no join and no event", "[actors][slow]") {
  ending_rooms w;
  w.run(5000, std::chrono::seconds{10});
  CHECK(w.bus->made >= 500);
  std::array<std::vector<std::uint64_t>, rooms> all;
  for (std::size_t l = 0; l < ending_rooms::loop_count; ++l)
    for (auto& v : w.visitors(l)) {
      CHECK(v->waits_for() == "");
      CHECK(v->done);
      CHECK(v->complaints == std::vector<std::string>{});
      for (std::size_t i = 0; i < rooms; ++i)
        all[i].insert(all[i].end(), v->said[i].begin(), v->said[i].end());
    }
  for (std::size_t i = 0; i < rooms; ++i) {
    std::sort(all[i].begin(), all[i].end());
    for (std::size_t l = 0; l < ending_rooms::loop_count; ++l)
      for (auto& v : w.visitors(l))
        CHECK(v->places[i].got == all[i]);
  }
}
