#pragma once

#include "tests/cluster/roster_kit.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::test {

/// Who really is where, since when, and who was; hence what each node must show at a moment, and what it may,
/// while nodes, links and NATS are in trouble. Its clock goes with the test's turns, so a machine that stands
/// still takes no time. The test's thread only.
class roster_truth {
public:
  using milliseconds = std::chrono::milliseconds;
  using count_of = std::map<std::string, std::uint32_t>;

  /// After `bound` those who are there must be shown, and those who are not must not.
  roster_truth(const std::vector<roster_node*>& nodes, std::vector<std::string> rooms, milliseconds bound)
      : bound_{bound}, rooms_{std::move(rooms)} {
    for (auto* n : nodes)
      nodes_.push_back({n, {}, {}, {}});
  }

  /// Notes what has changed: in each turn, and after each thing that is done.
  void look() {
    const auto real = steady::now();
    now_ += std::min<steady::duration>(real - looked_, longest_turn);
    looked_ = real;
    for (auto& n : nodes_)
      look(n, false);
  }

  void cut(std::size_t which) { nodes_[which].cut.begin(now_); }
  void heal(std::size_t which) { nodes_[which].cut.end(now_); }
  /// It may not hear what would tell it of the others, or hears it again.
  void deafen(std::size_t which) { nodes_[which].deaf.begin(now_); }
  void hear(std::size_t which) { nodes_[which].deaf.end(now_); }
  /// It has ended, and the others may not have heard a word of it.
  void kill(std::size_t which) {
    look(nodes_[which], true);
    cut(which);
  }
  /// What it had of that room's roster is gone, and some have come again.
  void crash(std::size_t which, const std::string& room) {
    auto& p = nodes_[which].places[room];
    for (const auto& [user, _] : p.here)
      p.left.push_back({user, now_, false});
    p = {{}, std::move(p.left), false, {}};
    look();
  }
  void stop_nats() { nats_.begin(now_); }
  void go_on_nats() { nats_.end(now_); }
  /// All nodes have agreed: nobody of before is to be seen any more.
  void agreed() {
    for (auto& n : nodes_)
      for (auto& [_, p] : n.places)
        p.left.clear();
  }

  /// What a node shows that it may not, or does not show though it must; empty: nothing.
  [[nodiscard]] std::string wrong() {
    ++compared;
    for (auto& at : nodes_)
      for (const auto& room : rooms_) {
        if (!at.node->has(room))
          continue;
        const auto shown = seen(*at.node, room);
        if (auto what = missing(at, room, shown) + ghosts(at, room, shown); !what.empty())
          return "node " + std::to_string(&at - nodes_.data()) + " in " + room + ":" + what;
      }
    return {};
  }
  [[nodiscard]] static count_of seen(roster_node& n, const std::string& room) {
    count_of all;
    for (const auto& m : n[room].members())
      all[m.user] = m.connections;
    return all;
  }

  /// How often all was compared, and how many people of other nodes had to be there, or had to be gone, by
  /// then.
  std::uint64_t compared = 0, due = 0, overdue = 0;

private:
  using steady = std::chrono::steady_clock;
  using time = steady::duration;
  // A turn sleeps for two milliseconds.
  static constexpr milliseconds longest_turn{5};

  /// Something that is wrong for a while.
  struct trouble {
    bool on = false;
    /// The last time that it began or ended.
    time since{};
    void begin(time now) {
      if (!std::exchange(on, true))
        since = now;
    }
    void end(time now) {
      if (std::exchange(on, false))
        since = now;
    }
  };
  struct departure {
    std::string user;
    time when;
    bool killed;
  };
  /// A room on a node.
  struct place {
    /// Since when they are here.
    std::map<std::string, time> here;
    std::vector<departure> left;
    bool open = false;
    time opened{};
  };
  struct state {
    roster_node* node;
    trouble cut, deaf;
    std::map<std::string, place> places;
  };

  void look(state& n, bool killed) {
    for (const auto& room : rooms_) {
      auto& p = n.places[room];
      const auto has = n.node->has(room);
      if (has != std::exchange(p.open, has))
        p.opened = now_;
      const auto own = has ? (*n.node)[room].own() : people{};
      std::erase_if(p.here, [&](const auto& one) {
        if (own.contains(one.first))
          return false;
        p.left.push_back({one.first, now_, killed});
        return true;
      });
      for (const auto& user : own)
        p.here.try_emplace(user, now_);
    }
  }

  [[nodiscard]] bool is_past(time when) const { return now_ - when > bound_; }

  /// One's own are there at once; those of others when nothing has kept them for as long as the bound.
  std::string missing(state& at, const std::string& room, const count_of& shown) {
    std::string what;
    for (auto& of : nodes_)
      for (const auto& [user, since] : of.places[room].here) {
        const auto must =
            &of == &at || (!at.cut.on && !at.deaf.on && !of.cut.on && !nats_.on &&
                           is_past(std::max({since, at.cut.since, at.deaf.since, of.cut.since, nats_.since,
                                             at.places[room].opened, of.places[room].opened})));
        due += must && &of != &at ? 1 : 0;
        if (must && !shown.contains(user))
          what += " " + user + " of node " + std::to_string(&of - nodes_.data()) + " is missing;";
      }
    return what;
  }

  /// Whoever was killed is gone when its lease is over, whatever happens to the one who shows it. A node that
  /// is cut off loses all of the others, as they lose it.
  [[nodiscard]] bool may_show(state& at, const std::string& room, const state& of, const departure& d) const {
    if (nats_.on)
      return true;
    if (d.killed)
      return !is_past(std::max(d.when, nats_.since));
    return at.deaf.on || !is_past(std::max({d.when, at.cut.since, at.deaf.since, of.cut.since, nats_.since,
                                            at.places[room].opened}));
  }
  std::string ghosts(state& at, const std::string& room, const count_of& shown) {
    count_of allowed;
    for (auto& of : nodes_) {
      const auto& p = of.places[room];
      for (const auto& [user, _] : p.here)
        ++allowed[user];
      for (const auto& d : p.left)
        if (may_show(at, room, of, d))
          ++allowed[d.user];
        else
          ++overdue;
    }
    std::string what;
    for (const auto& [user, connections] : shown)
      if (connections > allowed[user])
        what += " " + user + " is shown " + std::to_string(connections) + " times;";
    return what;
  }

  const time bound_;
  const std::vector<std::string> rooms_;
  std::vector<state> nodes_;
  trouble nats_;
  time now_{};
  steady::time_point looked_ = steady::now();
};

} // namespace hubbub::test
