#pragma once

#include "broker/presence.hpp"
#include "broker/roster_bus.hpp"
#include "cluster/nats_rosters.hpp"
#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/cluster/nats_server.hpp"
#include "tests/cluster/room_double.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hubbub::test {

/// The room that most tests are about.
inline const std::string chat = "chat.1";

/// Short times, so that tests are; long enough for a machine that does other things, too.
inline cluster::roster_options quick() {
  cluster::roster_options o;
  o.beat = 80ms;
  o.lease = 600ms;
  o.take_back = 150ms;
  o.ask_again = 40ms;
  return o;
}

/// With a lease and a wait that no test should reach: what must not take so long, may take as long as the
/// machine likes.
inline cluster::roster_options patient() {
  auto o = quick();
  o.lease = 15s;
  o.sync = 15s;
  return o;
}

/// What the bus has told a room, until the room gets to it, as with an actor's mailbox.
class roster_inbox final : public broker::roster_bus_handler {
public:
  struct gone {
    broker::owner_id owner;
  };
  struct asked {
    broker::roster_asker who;
  };
  struct synced {};
  using call = std::variant<broker::roster_part, gone, asked, synced>;

  void on_part(broker::roster_part part) override { put(std::move(part)); }
  void on_owner_gone(broker::owner_id owner) override { put(gone{owner}); }
  void on_asked(broker::roster_asker who) override { put(asked{std::move(who)}); }
  void on_synced() override { put(synced{}); }

  std::vector<call> take() {
    std::lock_guard lock{mutex_};
    return std::exchange(calls_, {});
  }
  [[nodiscard]] bool overlapped() const noexcept { return overlapped_; }

private:
  void put(call c) {
    if (inside_.exchange(true))
      overlapped_ = true;
    {
      std::lock_guard lock{mutex_};
      calls_.push_back(std::move(c));
    }
    inside_ = false;
  }
  std::mutex mutex_;
  std::vector<call> calls_;
  std::atomic<bool> inside_{false};
  std::atomic<bool> overlapped_{false};
};

using people = std::set<std::string>;

/// A room with its roster on one node. The test's thread only.
class roster_room_double {
public:
  roster_room_double(broker::roster_bus& bus, const broker::room_name& name)
      : roster_{name, rules()}, interest_{bus.want(name, inbox_)} {
    roster_.share();
  }

  void enter(const std::string& user, const std::string& info = {}) {
    const auto [it, fresh] = sessions_.try_emplace(user);
    if (fresh)
      it->second = broker::session_id::random();
    roster_.enter(it->second, user, "", info, {});
    tell();
  }
  void update(const std::string& user, const std::string& info) {
    static_cast<void>(roster_.update(sessions_.at(user), info));
    tell();
  }
  void leave(const std::string& user) {
    if (const auto it = sessions_.find(user); it != sessions_.end()) {
      roster_.leave(it->second, {});
      sessions_.erase(it);
    }
    tell();
  }

  /// Reads what has come.
  void pump() {
    for (auto& c : inbox_->take()) {
      if (auto* part = std::get_if<broker::roster_part>(&c)) {
        ++parts;
        roster_.hear(*part);
      } else if (const auto* g = std::get_if<roster_inbox::gone>(&c)) {
        gone.push_back(g->owner);
        roster_.forget(g->owner);
      } else if (const auto* a = std::get_if<roster_inbox::asked>(&c)) {
        ++asked;
        interest_->answer(a->who, roster_.own());
      } else {
        ++synced;
      }
    }
    if (inbox_->overlapped())
      throw std::runtime_error{"calls for a room overlapped"};
  }

  /// Everybody, on all nodes.
  [[nodiscard]] people seen() {
    people all;
    for (const auto& m : members())
      all.insert(m.user);
    return all;
  }
  [[nodiscard]] std::vector<broker::member> members() {
    pump();
    return roster_.view()->members().value_or(std::vector<broker::member>{});
  }
  [[nodiscard]] bool is_synced() {
    pump();
    return synced > 0;
  }
  /// Those who came on this node.
  [[nodiscard]] people own() const {
    people all;
    for (const auto& [user, _] : sessions_)
      all.insert(user);
    return all;
  }

  std::vector<broker::owner_id> gone;
  int parts = 0;
  int asked = 0;
  int synced = 0;

private:
  static const broker::policy& rules() {
    static const auto at_once = [] {
      broker::policy p;
      p.linger = 0ms;
      return p;
    }();
    return at_once;
  }
  void tell() {
    if (auto changes = roster_.own_changes())
      interest_->tell(std::move(*changes));
  }

  std::shared_ptr<roster_inbox> inbox_ = std::make_shared<roster_inbox>();
  broker::roster roster_;
  std::map<std::string, broker::session_id> sessions_;
  std::unique_ptr<broker::roster_interest> interest_;
};

/// The machine's clock, for a node that may have slept.
class sleepy_clock final : public broker::clock {
public:
  [[nodiscard]] broker::steady_time now() const noexcept override {
    return system_.now() + std::chrono::milliseconds{slept_};
  }
  [[nodiscard]] std::int64_t unix_ms() const noexcept override { return system_.unix_ms() + slept_; }
  void sleep(std::chrono::milliseconds time) { slept_ += time.count(); }

private:
  broker::system_clock system_;
  std::atomic<std::int64_t> slept_{0};
};

/// A node: its rosters, over a link that a test can cut.
class roster_node {
public:
  roster_node(const nats_server& server, std::string name, cluster::roster_options how = quick())
      : proxy{server.port()}, name_{std::move(name)}, how_{how} {
    start();
  }
  ~roster_node() { end_rooms(); }
  roster_node(const roster_node&) = delete;
  roster_node& operator=(const roster_node&) = delete;

  void start() {
    cluster::nats_options o;
    o.servers = {proxy.url()};
    o.node = name_;
    o.timeout = 1s;
    auto made = cluster::nats_rosters::open(o, how_, time, log);
    if (!made)
      throw std::runtime_error{made.error().message};
    bus = std::move(*made);
  }
  /// Ends as a process that is killed: nobody hears a word of it.
  void kill() {
    proxy.cut();
    end_rooms();
    bus.reset();
    proxy.heal();
  }
  void stop() {
    end_rooms();
    bus.reset();
  }

  roster_room_double& operator[](const std::string& room_name) {
    auto& r = rooms_[room_name];
    if (!r)
      r = std::make_unique<roster_room_double>(*bus, room(room_name));
    return *r;
  }
  void forget(const std::string& room_name) { rooms_.erase(room_name); }
  void pump() {
    for (auto& [_, r] : rooms_)
      r->pump();
  }
  [[nodiscard]] bool has(const std::string& room_name) const { return rooms_.contains(room_name); }
  [[nodiscard]] bool knows(std::size_t others) const { return bus->nodes().size() == others; }
  [[nodiscard]] const cluster::roster_counters& counters() const { return bus->counters(); }

  lossy_proxy proxy;
  recording_log log;
  sleepy_clock time;
  std::unique_ptr<cluster::nats_rosters> bus;

private:
  void end_rooms() { rooms_.clear(); }

  const std::string name_;
  const cluster::roster_options how_;
  std::map<std::string, std::unique_ptr<roster_room_double>> rooms_;
};

/// Three nodes that know each other.
struct roster_cluster {
  /// With `quick`.
  roster_cluster() : roster_cluster{quick()} {}
  explicit roster_cluster(const cluster::roster_options& how)
      : one{server, "one", how}, two{server, "two", how}, three{server, "three", how} {
    if (!soon([&] { return one.knows(2) && two.knows(2) && three.knows(2); }))
      throw std::runtime_error{"the nodes never met"};
    std::this_thread::sleep_for(2 * how.beat); // they know that these are all
  }
  /// Waits until `is`, with everybody at work.
  template <class Is>
  bool soon(Is is) {
    return eventually([&] {
      for (auto* n : {&one, &two, &three})
        n->pump();
      return is();
    });
  }
  /// All that work for so long.
  void work(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    static_cast<void>(soon([&] { return std::chrono::steady_clock::now() >= end; }));
  }
  bool all_see(const std::string& name, const people& who) {
    return soon(
        [&] { return one[name].seen() == who && two[name].seen() == who && three[name].seen() == who; });
  }

  nats_server server;
  roster_node one, two, three;
};

struct patient_cluster : roster_cluster {
  patient_cluster() : roster_cluster{patient()} {}
};

} // namespace hubbub::test
