#include "tests/cluster/occupancy_cluster.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <cstdio>
#include <cstdlib>

namespace hubbub::test {
namespace {

using std::chrono::milliseconds;

/// Whatever happens to nodes and messages: once it is quiet the last notice of each room says the truth, and
/// what lasted long enough to be noticed was told.
class occupancy_model {
public:
  explicit occupancy_model(std::uint32_t seed) : all_{seed} {
    for (int i = 0; i < 4; ++i)
      all_.join();
    for (int i = 0; i < 12; ++i)
      names_.push_back("chat." + std::to_string(i));
  }

  void run() {
    for (int round = 0; round < 12; ++round) {
      all_.lost = any(3) * 10;
      all_.doubtful = any(2) * 20;
      all_.slowest = milliseconds{5 + any(120)};
      all_.unequal = milliseconds{any(300)};
      stir(any(40));
      happen();
      stir(any(120));
      all_.lost = all_.doubtful = 0;
      if (!all_.settle())
        FAIL("nobody comes to rest after:\n" << story_);
      for (const auto& name : names_)
        if (all_.is_told_occupied(name) != all_.is_occupied(name))
          FAIL(name << " is " << (all_.is_occupied(name) ? "" : "not ") << "occupied, and told otherwise ("
                    << all_.picture(name) << ") after:\n"
                    << story_);
      cut_now_ = false;
      since_.clear();
    }
  }

private:
  std::uint32_t any(std::uint32_t n) { return static_cast<std::uint32_t>(all_.random()() % n); }
  broker::owner_id any_node() {
    const auto nodes = all_.nodes();
    return nodes[any(static_cast<std::uint32_t>(nodes.size()))];
  }
  void note(const std::string& what) {
    story_ += "  " + std::to_string(all_.now().count()) + " " + what + "\n";
  }

  /// Readers come and go.
  void stir(std::uint32_t times) {
    for (; times != 0; --times) {
      const auto& name = names_[any(static_cast<std::uint32_t>(names_.size()))];
      const auto who = any_node();
      turn(name, [&] {
        if (all_.reads(who, name)) {
          note("leave " + name);
          all_.leave(who, name);
        } else if (any(3) != 0) {
          note("enter " + name);
          all_.enter(who, name);
        }
      });
      if (any(3) != 0)
        all_.run(milliseconds{any(60)});
    }
  }

  /// Before a room changes, what it was must have been told, if it was that for long enough.
  template <class F>
  void turn(const std::string& name, F change) {
    const auto was = all_.is_occupied(name);
    const auto told = all_.is_told_occupied(name);
    change();
    if (all_.is_occupied(name) == was)
      return;
    if (const auto it = since_.find(name);
        it != since_.end() && !cut_now_ && all_.now() - it->second > 3 * all_.lease && told != was)
      FAIL(name << " was " << (was ? "" : "not ") << "occupied for long, and it was not told after:\n"
                << story_);
    since_[name] = all_.now();
  }

  void happen() {
    switch (any(7)) {
    case 0:
      note("join");
      all_.join();
      break;
    case 1:
    case 2:
      if (all_.nodes().size() > 2) {
        note("kill");
        kill();
      }
      break;
    case 3:
      note("kill and join");
      kill();
      all_.run(milliseconds{any(5'000)});
      all_.join();
      break;
    case 4: {
      const auto who = any_node();
      const auto mute = any(2) == 0;
      const auto time = milliseconds{any(8'000)};
      note(std::string{mute ? "cut" : "split"} + " for " + std::to_string(time.count()));
      cut_now_ = true;
      all_.cut(who, mute);
      const auto begun = all_.now();
      while (all_.now() - begun < std::min(time, all_.lease))
        stir(1), all_.run(milliseconds{50});
      if (time >= all_.lease)
        all_.let_go(who);
      while (all_.now() - begun < time)
        stir(1), all_.run(milliseconds{50});
      all_.heal(who, time);
      break;
    }
    case 5: {
      const auto who = any_node();
      const auto other = any_node();
      const auto time = milliseconds{any(9'000)};
      if (who == other)
        break;
      note("one loses sight of another for " + std::to_string(time.count()));
      cut_now_ = true;
      all_.forget_for(who, other, time);
      stir(any(20));
      all_.run(time);
      break;
    }
    default:
      all_.run(milliseconds{any(10'000)});
    }
  }
  void kill() {
    const auto who = any_node();
    for (const auto& name : names_)
      turn(name, [&] { all_.leave_silently(who, name); });
    all_.kill(who);
  }

  occupancy_cluster all_;
  std::vector<std::string> names_;
  std::map<std::string, milliseconds> since_;
  bool cut_now_ = false;
  std::string story_;
};

TEST_CASE("after whatever happens to nodes and messages, the last notice of each room is the truth",
          "[cluster]") {
  // More, and others: HUBBUB_OCCUPANCY_SEEDS=<first>,<how many>.
  std::uint32_t first = 1, many = tests::seeds(50);
  if (const auto* text = std::getenv("HUBBUB_OCCUPANCY_SEEDS"))
    std::sscanf(text, "%u,%u", &first, &many);
  for (auto seed = first; seed < first + many; ++seed) {
    CAPTURE(seed);
    occupancy_model{seed}.run();
  }
}

TEST_CASE("in quiet times each change is told once, in order", "[cluster]") {
  for (std::uint32_t seed = 1; seed <= tests::seeds(20); ++seed) {
    CAPTURE(seed);
    occupancy_cluster all{seed};
    for (int i = 0; i < 3; ++i)
      all.join();
    REQUIRE(all.settle());
    const auto nodes = all.nodes();
    for (int i = 0; i < 300; ++i) {
      const auto name = "chat." + std::to_string(all.random()() % 5);
      const auto who = nodes[all.random()() % nodes.size()];
      if (all.reads(who, name))
        all.leave(who, name);
      else
        all.enter(who, name);
      all.run(milliseconds{all.random()() % 100});
    }
    REQUIRE(all.settle());
    for (int i = 0; i < 5; ++i) {
      const auto name = "chat." + std::to_string(i);
      bool occupied = false;
      for (const auto& n : all.told(name)) {
        CHECK(n.occupied != occupied);
        occupied = n.occupied;
      }
      CHECK(occupied == all.is_occupied(name));
    }
  }
}

} // namespace
} // namespace hubbub::test
