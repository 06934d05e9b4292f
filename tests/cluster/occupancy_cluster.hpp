#pragma once

#include "cluster/occupancy.hpp"
#include "cluster/presence_message.hpp"
#include "tests/cluster/room_double.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hubbub::test {

/// Nodes that keep the register of occupied rooms together, in a time and on a network of the test's own.
class occupancy_cluster {
public:
  using ms = std::chrono::milliseconds;
  using id = broker::owner_id;

  explicit occupancy_cluster(std::uint32_t seed = 1) : random_{seed} {}

  /// What a message suffers.
  ms slowest{20};
  /// Of a hundred.
  unsigned lost = 0;
  /// Of a hundred batches of notices, so many end without anybody knowing what became of them.
  unsigned doubtful = 0;
  /// How much later than others a node may notice who comes and goes.
  ms unequal{60};
  /// Until a node that is silent is taken for gone.
  ms lease{4'000};

  struct notice {
    ms when;
    bool occupied;
  };

  /// Everybody sees it come, one after another.
  id join() {
    const auto who = ++last_id_ * 0x9e3779b97f4a7c15;
    cluster::occupancy_options how;
    how.lease = lease;
    auto& n = nodes_[who];
    n.state = std::make_unique<cluster::occupancy>(who, how);
    n.born = now_;
    for (const auto& [other, _] : nodes_) {
      notices_later(other, who, true, ms{0});
      notices_later(who, other, true, ms{0});
    }
    return who;
  }
  /// Ends without a word.
  void kill(id who) {
    nodes_.erase(who);
    std::erase_if(readers_, [who](const auto& r) { return r.second == who; });
    for (const auto& [other, _] : nodes_)
      notices_later(other, who, false, lease);
  }
  /// Nothing comes from it or to it. `mute`: it knows that, and tells nothing.
  void cut(id who, bool mute) {
    auto& n = nodes_.at(who);
    n.cut = true;
    n.mute = mute;
    ++n.cuts;
  }
  /// After so long: whoever was not heard for a lease is gone, and comes again.
  void heal(id who, ms after_cut) {
    auto& n = nodes_.at(who);
    n.cut = n.mute = false;
    n.born = now_; // it listens a moment before it speaks
    if (after_cut < lease)
      return;
    for (const auto& [other, _] : nodes_)
      if (other != who) {
        notices_later(other, who, true, unequal);
        notices_later(who, other, true, unequal);
      }
  }
  /// While `who` is cut off, both sides notice.
  void let_go(id who) {
    for (const auto& [other, _] : nodes_)
      if (other != who) {
        notices_later(other, who, false, ms{0});
        notices_later(who, other, false, ms{0});
      }
  }
  /// Of all pairs, only `who` takes `other` for gone; then it does not any more.
  void forget_for(id who, id other, ms time) {
    schedule(ms{0}, [this, who, other] { see(who, other, false); });
    schedule(time, [this, who, other] { see(who, other, true); });
  }

  void enter(id who, const std::string& name) {
    if (readers_.insert({name, who}).second)
      nodes_.at(who).state->set(room(name), true);
  }
  void leave(id who, const std::string& name) {
    if (readers_.erase({name, who}) != 0)
      nodes_.at(who).state->set(room(name), false);
  }
  /// As when its node dies, which does not say it.
  void leave_silently(id who, const std::string& name) { readers_.erase({name, who}); }
  [[nodiscard]] bool reads(id who, const std::string& name) const { return readers_.contains({name, who}); }
  [[nodiscard]] bool is_occupied(const std::string& name) const {
    return std::any_of(readers_.begin(), readers_.end(), [&](const auto& r) { return r.first == name; });
  }

  void run(ms time) {
    for (const auto end = now_ + time; now_ < end;) {
      now_ += ms{5};
      while (!events_.empty() && events_.begin()->first <= now_) {
        const auto what = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        what();
      }
      if (now_.count() % 20 == 0)
        for (auto& [who, n] : nodes_) {
          n.state->tick(clock(), !n.mute && now_ - n.born >= ms{500});
          pump(who);
        }
    }
  }
  /// Runs until nobody has anything to say; false: within a minute they do not come to that.
  bool settle() {
    for (int i = 0; i < 600; ++i) {
      run(ms{100});
      if (std::all_of(nodes_.begin(), nodes_.end(), [this](const auto& n) {
            return n.second.sees.size() == nodes_.size() - 1 && now_ - n.second.born > ms{600} &&
                   n.second.state->is_quiet();
          }))
        return true;
    }
    return false;
  }

  /// In order, since `forget_notices`.
  [[nodiscard]] const std::vector<notice>& told(const std::string& name) { return told_[name]; }
  [[nodiscard]] std::size_t notices() const {
    std::size_t n = 0;
    for (const auto& [_, all] : told_)
      n += all.size();
    return n;
  }
  void forget_notices() { told_.clear(); }
  /// What backends take it for.
  [[nodiscard]] bool is_told_occupied(const std::string& name) const {
    const auto it = last_.find(name);
    return it != last_.end() && it->second;
  }
  /// Who keeps a room, when all nodes know each other.
  [[nodiscard]] cluster::room_keepers keepers(const std::string& name) const {
    return cluster::keepers_of(cluster::key_of(room(name)), nodes());
  }
  /// For people.
  [[nodiscard]] std::string picture(const std::string& name) {
    std::string text;
    for (const auto& [who, n] : nodes_)
      text += std::to_string(who % 1'000) + (readers_.contains({name, who}) ? " reads it, " : ", ");
    const auto k = keepers(name);
    text += "kept by " + std::to_string(k.first % 1'000) + " and " + std::to_string(k.second % 1'000);
    for (const auto& n : told(name))
      text += ", " + std::string{n.occupied ? "occupied " : "vacated "} + std::to_string(n.when.count());
    return text;
  }
  [[nodiscard]] std::vector<id> nodes() const {
    std::vector<id> all;
    for (const auto& [who, _] : nodes_)
      all.push_back(who);
    return all;
  }
  [[nodiscard]] std::size_t size_of(id who) const { return nodes_.at(who).state->size(); }
  [[nodiscard]] ms now() const noexcept { return now_; }
  /// Messages that were sent.
  std::size_t messages = 0;
  std::mt19937& random() { return random_; }

private:
  struct member {
    std::unique_ptr<cluster::occupancy> state;
    std::set<id> sees;
    bool cut = false;
    bool mute = false;
    int cuts = 0;
    ms born{0};
  };

  [[nodiscard]] broker::steady_time clock() const {
    return broker::steady_time{} + std::chrono::hours{1} + now_;
  }
  void schedule(ms after, std::function<void()> what) { events_.emplace(now_ + after, std::move(what)); }
  ms any(ms most) { return ms{random_() % static_cast<unsigned>(most.count() + 1)}; }

  void notices_later(id who, id other, bool comes, ms after) {
    schedule(after + any(unequal), [this, who, other, comes] { see(who, other, comes); });
  }
  void see(id who, id other, bool comes) {
    const auto it = nodes_.find(who);
    if (it == nodes_.end() || (comes && !nodes_.contains(other)))
      return;
    auto& n = it->second;
    if (other != who) {
      if (comes)
        n.sees.insert(other);
      else
        n.sees.erase(other);
    }
    std::vector<id> all{n.sees.begin(), n.sees.end()};
    all.push_back(who);
    std::sort(all.begin(), all.end());
    n.state->members(std::move(all), clock());
    pump(who);
  }

  void pump(id who) {
    auto& n = nodes_.at(who);
    for (auto& o : n.state->take_outgoing()) {
      ++messages;
      if (n.cut || random_() % 100 < lost)
        continue;
      schedule(any(slowest), [this, o = std::move(o)] {
        const auto to = nodes_.find(o.to);
        if (to == nodes_.end() || to->second.cut)
          return;
        std::visit([&](const auto& m) { to->second.state->hear(m, clock()); }, o.what);
        pump(o.to);
      });
    }
    if (auto batch = n.state->take_batch()) {
      const auto fate = random_() % 100;
      // What was sent goes in the order of what was sent, so it arrives before anything that is said later.
      if (fate >= doubtful || fate % 2 == 0)
        for (const auto& one : batch->all)
          publish(one);
      schedule(any(slowest), [this, who, known = fate >= doubtful, batch_id = batch->id] {
        if (const auto it = nodes_.find(who); it != nodes_.end()) {
          it->second.state->told(batch_id, known);
          pump(who);
        }
      });
    }
  }
  void publish(const cluster::occupancy::news& n) {
    told_[n.room.str()].push_back({now_, n.occupied});
    last_[n.room.str()] = n.occupied;
  }

  std::mt19937 random_;
  ms now_{0};
  id last_id_ = 0;
  std::map<id, member> nodes_;
  std::set<std::pair<std::string, id>> readers_;
  std::multimap<ms, std::function<void()>> events_;
  std::map<std::string, std::vector<notice>> told_;
  std::map<std::string, bool> last_;
};

} // namespace hubbub::test
