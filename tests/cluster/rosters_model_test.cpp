#include "tests/cluster/roster_kit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <array>
#include <cstdlib>
#include <random>

namespace hubbub::test {
namespace {

/// Whatever happens to three nodes, once it is quiet everybody sees everybody, and nobody else.
class model {
public:
  explicit model(std::uint32_t seed) : random_{seed} {}

  void run() {
    for (auto quiet = 0; quiet < 3; ++quiet) {
      for (auto i = 0; i < 15; ++i) {
        step();
        if (random_() % 3 == 0)
          all_.work(std::chrono::milliseconds{random_() % 40});
      }
      calm();
      if (!all_.soon([&] { return is_true(); }))
        FAIL("the nodes do not agree after:\n" << story_ << picture());
    }
  }

private:
  using count_of = std::map<std::string, std::uint32_t>;

  static cluster::roster_options quickest() {
    auto how = quick();
    how.beat = 50ms;
    how.lease = 300ms;
    how.take_back = 80ms;
    how.sync = 100ms;
    return how;
  }

  roster_node& node() { return *nodes_[which_ = random_() % nodes_.size()]; }
  const std::string& any_room() { return names_[random_() % names_.size()]; }
  std::string any_user() { return "user" + std::to_string(random_() % 8); }
  void note(const std::string& what) { story_ += "  " + what + " on " + std::to_string(which_) + "\n"; }

  void step() {
    auto& n = node();
    const auto& name = any_room();
    const auto user = any_user();
    switch (random_() % 24) {
    case 0:
      note("kill and start");
      n.kill();
      n.start();
      break;
    case 1:
      note("stop and start");
      n.stop();
      n.proxy.heal();
      n.start();
      break;
    case 2:
      note("cut");
      n.proxy.cut();
      break;
    case 3:
      note("cut and heal");
      n.proxy.cut();
      n.proxy.heal();
      break;
    case 4:
      note("cut for longer than the lease");
      n.proxy.cut();
      all_.work(quickest().lease + 100ms);
      n.proxy.heal();
      break;
    case 5:
      note("lose parts");
      n.proxy.lose("hubbub.presence.", "user");
      break;
    case 6:
      note("lose answers");
      n.proxy.lose("hubbub.node.to.", "user");
      break;
    case 7:
      note("lose beats");
      n.proxy.lose("hubbub.node.beat", "o"); // each has one in its name
      break;
    case 8:
      note("forget " + name);
      n.forget(name);
      break;
    case 9:
      note("crash of " + name);
      crash(n, name);
      break;
    case 10:
      note("stop NATS");
      all_.server.stop_for_now();
      all_.work(std::chrono::milliseconds{random_() % 500});
      all_.server.go_on();
      break;
    case 11:
      if (random_() % 3 == 0) {
        note("restart NATS");
        all_.server.kill();
        all_.server.start();
      }
      break;
    case 12:
    case 13:
    case 14:
    case 15:
      note(user + " leaves " + name);
      n[name].leave(user);
      break;
    default:
      note(user + " enters " + name);
      n[name].enter(user, std::to_string(random_() % 3));
    }
  }

  /// Comes again at once with some of those who were there.
  void crash(roster_node& n, const std::string& name) {
    auto who = n[name].own();
    n.forget(name);
    auto& again = n[name];
    for (const auto& user : who)
      if (random_() % 4 != 0)
        again.enter(user);
  }

  void calm() {
    for (auto* n : nodes_) {
      n->proxy.lose_nothing();
      n->proxy.heal();
    }
  }

  bool is_true() {
    for (const auto& name : names_) {
      const auto truth = true_of(name);
      for (auto* n : nodes_)
        if (seen(*n, name) != truth)
          return false;
    }
    return true;
  }
  count_of true_of(const std::string& name) {
    count_of all;
    for (auto* n : nodes_)
      for (const auto& user : (*n)[name].own())
        ++all[user];
    return all;
  }
  static count_of seen(roster_node& n, const std::string& name) {
    count_of all;
    for (const auto& m : n[name].members())
      all[m.user] = m.connections;
    return all;
  }
  std::string picture() {
    std::string text;
    for (const auto& name : names_) {
      text += name + ", in truth:" + str(true_of(name)) + "\n";
      for (auto* n : nodes_)
        text += "  seen:" + str(seen(*n, name)) + "\n";
    }
    return text;
  }
  static std::string str(const count_of& all) {
    std::string text;
    for (const auto& [user, n] : all)
      text += " " + user + "*" + std::to_string(n);
    return text;
  }

  std::mt19937 random_;
  std::size_t which_ = 0;
  roster_cluster all_{quickest()};
  const std::array<roster_node*, 3> nodes_{&all_.one, &all_.two, &all_.three};
  const std::array<std::string, 3> names_{"chat.1", "chat.2", "game.1"};
  std::string story_;
};

TEST_CASE("after whatever happens to nodes, links and NATS, all rosters are the truth", "[cluster][slow]") {
  // More, and others: HUBBUB_ROSTER_SEEDS=<first>,<how many>.
  std::uint32_t first = 1, many = tests::seeds(5);
  if (const auto* text = std::getenv("HUBBUB_ROSTER_SEEDS"))
    std::sscanf(text, "%u,%u", &first, &many);
  for (auto seed = first; seed < first + many; ++seed) {
    CAPTURE(seed);
    model{seed}.run();
  }
}

} // namespace
} // namespace hubbub::test
