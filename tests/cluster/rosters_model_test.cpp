#include "tests/cluster/roster_kit.hpp"
#include "tests/cluster/roster_truth.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <array>
#include <cstdlib>
#include <random>

namespace hubbub::test {
namespace {

/// Whatever happens to three nodes: what they show is compared with the truth every second, and once it is
/// quiet everybody sees everybody, and nobody else. All times are a twentieth or so: a second is a beat here,
/// as it is by default, and a lease is six.
class model {
public:
  explicit model(std::uint32_t seed) : random_{seed} {}

  void run() {
    for (auto quiet = 0; quiet < 3; ++quiet) {
      for (auto i = 0; i < 15; ++i) {
        step();
        truth_.look();
        if (random_() % 3 == 0)
          work(std::chrono::milliseconds{random_() % 40});
      }
      if (quiet == 1)
        stand();
      calm();
      if (!soon([&] { return is_true(); }))
        FAIL("the nodes do not agree after:\n" << story_ << picture());
      truth_.agreed();
    }
  }

  const roster_truth& truth() const { return truth_; }

private:
  using count_of = roster_truth::count_of;
  using steady = std::chrono::steady_clock;

  // Beside the lease and a beat: for a link to come back, and for a machine that is slow.
  static constexpr auto margin = 500ms;

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
  static std::chrono::milliseconds bound() { return quickest().lease + quickest().beat + margin; }
  void note(const std::string& what) { story_ += "  " + what + " on " + std::to_string(which_) + "\n"; }

  void step() {
    auto& n = node();
    const auto& name = any_room();
    const auto user = any_user();
    switch (random_() % 24) {
    case 0:
      note("kill and start");
      kill(n);
      start(n);
      break;
    case 1:
      note("stop and start");
      n.stop();
      truth_.kill(which_); // cut off, it could not say farewell
      n.proxy.heal();
      start(n);
      break;
    case 2:
      note("cut");
      cut(n);
      break;
    case 3:
      note("cut and heal");
      cut(n);
      heal(n);
      break;
    case 4:
      note("cut for longer than the lease");
      cut(n);
      work(quickest().lease + 100ms);
      heal(n);
      break;
    case 5:
      note("lose parts"); // which its owner's next beat tells
      n.proxy.lose("hubbub.presence.", "user");
      truth_.hear(which_);
      break;
    case 6:
      note("lose answers");
      n.proxy.lose("hubbub.node.to.", "user");
      truth_.deafen(which_);
      break;
    case 7:
      note("lose beats");
      n.proxy.lose("hubbub.node.beat", "o"); // each has one in its name
      truth_.deafen(which_);
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
      truth_.stop_nats();
      all_.server.stop_for_now();
      work(std::chrono::milliseconds{random_() % 500});
      all_.server.go_on();
      truth_.go_on_nats();
      break;
    case 11:
      if (random_() % 3 == 0) {
        note("restart NATS");
        truth_.stop_nats();
        all_.server.kill();
        all_.server.start();
        truth_.go_on_nats();
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
    truth_.crash(which_, name);
  }
  void cut(roster_node& n) {
    n.proxy.cut();
    truth_.cut(which_);
  }
  void heal(roster_node& n) {
    n.proxy.heal();
    truth_.heal(which_);
  }
  void kill(roster_node& n) {
    n.kill();
    truth_.kill(which_);
  }
  void start(roster_node& n) {
    n.start();
    truth_.heal(which_);
  }
  /// All that is lost and cut by now stays so for longer than anything may be wrong; and one is killed and
  /// does not come back before.
  void stand() {
    auto& n = node();
    note("kill, and start after longer than the bound");
    kill(n);
    work(bound() + 4 * quickest().beat);
    start(n);
  }

  void calm() {
    for (which_ = 0; which_ < nodes_.size(); ++which_) {
      nodes_[which_]->proxy.lose_nothing();
      truth_.hear(which_);
      heal(*nodes_[which_]);
    }
  }

  /// Waits until `is`, and compares meanwhile.
  template <class Is>
  bool soon(Is is) {
    return all_.soon([&] {
      truth_.look();
      if (const auto now = steady::now(); now - compared_ >= quickest().beat) {
        compared_ = now;
        if (const auto what = truth_.wrong(); !what.empty())
          FAIL("not what may be seen, " << what << " after:\n" << story_ << picture());
      }
      return is();
    });
  }
  void work(std::chrono::milliseconds time) {
    const auto end = steady::now() + time;
    static_cast<void>(soon([&] { return steady::now() >= end; }));
  }

  bool is_true() {
    for (const auto& name : names_) {
      const auto truth = true_of(name);
      for (auto* n : nodes_)
        if (roster_truth::seen(*n, name) != truth)
          return false;
    }
    return true;
  }
  count_of true_of(const std::string& name) {
    count_of all;
    for (auto* n : nodes_)
      if (n->has(name))
        for (const auto& user : (*n)[name].own())
          ++all[user];
    return all;
  }
  std::string picture() {
    std::string text;
    for (const auto& name : names_) {
      text += name + ", in truth:" + str(true_of(name)) + "\n";
      for (auto* n : nodes_)
        text += n->has(name) ? "  seen:" + str(roster_truth::seen(*n, name)) + "\n" : "  not wanted\n";
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
  roster_truth truth_{{nodes_.begin(), nodes_.end()}, {names_.begin(), names_.end()}, bound()};
  steady::time_point compared_{};
  std::string story_;
};

TEST_CASE(
    "whatever happens to nodes, links and NATS, rosters are never wrong for long, and the truth in the end",
    "[cluster][slow]") {
  // More, and others: HUBBUB_ROSTER_SEEDS=<first>,<how many>.
  std::uint32_t first = 1, many = tests::seeds(5);
  std::uint64_t due = 0, overdue = 0;
  if (const auto* text = std::getenv("HUBBUB_ROSTER_SEEDS"))
    std::sscanf(text, "%u,%u", &first, &many);
  for (auto seed = first; seed < first + many; ++seed) {
    CAPTURE(seed);
    model one{seed};
    one.run();
    due += one.truth().due;
    overdue += one.truth().overdue;
  }
  // It was compared when somebody had to be there, and when somebody had to be gone.
  CHECK(due > 0);
  CHECK(overdue > 0);
}

} // namespace
} // namespace hubbub::test
