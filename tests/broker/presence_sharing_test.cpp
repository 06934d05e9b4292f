#include "broker/presence.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

const room_name shared_room = room_name::parse("chat.lobby").value();

/// Without it who leaves is gone at once.
policy at_once() {
  policy rules;
  rules.linger = 0ms;
  return rules;
}

/// The rosters of one room on several nodes, and what is on its way between them.
struct nodes {
  explicit nodes(std::size_t n, const policy& rules = at_once()) : rules{rules} {
    for (std::size_t i = 0; i < n; ++i)
      start(i);
  }
  void start(std::size_t i) {
    all.resize(std::max(all.size(), i + 1));
    all[i].people = std::make_unique<roster>(shared_room, this->rules);
    all[i].people->share();
    all[i].owner = ++lives;
  }
  [[nodiscard]] roster& on(std::size_t i) { return *all[i].people; }

  /// Node `i` tells the others what has changed.
  void tell(std::size_t i) {
    if (auto part = on(i).own_changes()) {
      part->owner = all[i].owner;
      for (std::size_t other = 0; other < all.size(); ++other)
        if (other != i)
          on(other).hear(*part);
    }
  }
  void tell_all() {
    for (std::size_t i = 0; i < all.size(); ++i)
      tell(i);
  }
  /// Node `to` asks node `of` for all of its people.
  void ask(std::size_t to, std::size_t of) {
    auto part = on(of).own();
    part.owner = all[of].owner;
    on(to).hear(part);
  }
  [[nodiscard]] std::vector<member> members(std::size_t i) { return on(i).view()->members().value(); }
  /// Who is shown on node `i`, with how many connections.
  [[nodiscard]] std::map<std::string, std::uint32_t> shown(std::size_t i) {
    std::map<std::string, std::uint32_t> found;
    for (const auto& m : members(i))
      found[m.user] = m.connections;
    return found;
  }

  struct node {
    std::unique_ptr<roster> people;
    owner_id owner = 0;
  };
  policy rules;
  std::vector<node> all;
  owner_id lives = 0;
  manual_clock clock;
};

using shown_people = std::map<std::string, std::uint32_t>;

} // namespace

TEST_CASE("a person on one node is shown on the others", "[broker]") {
  nodes n{2};
  n.on(0).enter({1}, "ann", "", R"({"n":1})", n.clock.now());
  n.tell_all();
  CHECK(n.shown(1) == shown_people{{"ann", 1}});
  CHECK(n.members(1).front().info == R"({"n":1})");
  CHECK(n.on(1).count() == 1);
  CHECK(n.on(1).own_count() == 0);
  n.on(0).leave({1}, n.clock.now());
  n.tell_all();
  CHECK(n.shown(1).empty());
}

TEST_CASE("a node has nothing to tell when nothing of its own has changed", "[broker]") {
  nodes n{2};
  CHECK_FALSE(n.on(0).own_changes());
  n.on(1).enter({1}, "ann", "", "", n.clock.now());
  n.tell(1);
  CHECK_FALSE(n.on(0).own_changes());
  CHECK_FALSE(n.on(1).own_changes());
}

TEST_CASE("the first thing that a node tells is everybody", "[broker]") {
  nodes n{1};
  n.on(0).enter({1}, "ann", "", "", n.clock.now());
  n.on(0).enter({2}, "bob", "", "", n.clock.now());
  const auto first = n.on(0).own_changes();
  REQUIRE(first);
  CHECK(first->whole);
  CHECK(first->put.size() == 2);
  n.on(0).enter({3}, "cid", "", "", n.clock.now());
  n.on(0).leave({1}, n.clock.now());
  const auto second = n.on(0).own_changes();
  REQUIRE(second);
  CHECK_FALSE(second->whole);
  REQUIRE(second->put.size() == 1);
  CHECK(second->put[0].user == "cid");
  CHECK(second->gone == std::vector<std::string>{"ann"});
  CHECK(second->count == 2);
}

TEST_CASE("who is on two nodes is one person, with the connections of both", "[broker]") {
  nodes n{2};
  n.on(0).enter({1}, "ann", "", "", n.clock.now());
  n.on(1).enter({2}, "ann", "", R"("there")", n.clock.now());
  n.on(1).enter({3}, "ann", "", "", n.clock.now());
  n.tell_all();
  for (auto i : {0u, 1u}) {
    CHECK(n.shown(i) == shown_people{{"ann", 3}});
    CHECK(n.on(i).count() == 1);
    CHECK(n.members(i).front().info == R"("there")");
  }
  n.on(0).leave({1}, n.clock.now());
  n.tell_all();
  for (auto i : {0u, 1u})
    CHECK(n.shown(i) == shown_people{{"ann", 2}});
}

TEST_CASE("who moves from one node to another never seems to have gone", "[broker]") {
  policy rules;
  rules.linger = 5s;
  nodes n{3, rules};
  n.on(0).enter({1}, "ann", "", "", n.clock.now());
  n.tell_all();
  const auto before = n.on(2).view()->version();
  n.on(0).leave({1}, n.clock.now());
  n.tell_all();
  n.on(1).enter({2}, "ann", "", "", n.clock.now());
  n.tell_all();
  n.clock.advance(6s);
  std::ignore = n.on(0).expire(n.clock.now());
  n.tell_all();
  CHECK(n.shown(2) == shown_people{{"ann", 1}});
  const auto change = n.on(2).view()->since(before);
  if (change) {
    CHECK(change->join.empty());
    CHECK(change->leave.empty());
  }
}

TEST_CASE("a node that is gone takes its people with it at once, though they might linger", "[broker]") {
  policy rules;
  rules.linger = 60s;
  nodes n{2, rules};
  n.on(0).enter({1}, "ann", "", "", n.clock.now());
  n.on(0).enter({2}, "bob", "", "", n.clock.now());
  n.on(1).enter({3}, "bob", "", "", n.clock.now());
  n.tell_all();
  n.on(1).forget(n.all[0].owner);
  CHECK(n.shown(1) == shown_people{{"bob", 1}});
  n.on(1).forget(n.all[0].owner); // nothing is left of it
  CHECK(n.on(1).count() == 1);
}

TEST_CASE("what is whole takes the place of all that was told before", "[broker]") {
  nodes n{2};
  n.on(0).enter({1}, "ann", "", "", n.clock.now());
  n.on(0).enter({2}, "bob", "", "", n.clock.now());
  n.tell_all();
  n.on(0).leave({1}, n.clock.now());
  n.on(0).enter({3}, "cid", "", "", n.clock.now());
  std::ignore = n.on(0).own_changes(); // lost on the way
  n.ask(1, 0);
  CHECK(n.shown(1) == shown_people{{"bob", 1}, {"cid", 1}});
}

TEST_CASE("a node with too many people tells only how many", "[broker]") {
  auto rules = at_once();
  rules.roster_max = 4;
  nodes n{2, rules};
  for (std::uint64_t s = 1; s <= 6; ++s)
    n.on(0).enter({s}, "user-" + std::to_string(s), "", "", n.clock.now());
  n.on(1).enter({9}, "ann", "", "", n.clock.now());
  const auto part = n.on(0).own_changes();
  REQUIRE(part);
  CHECK_FALSE(part->listed);
  CHECK(part->put.empty());
  auto sent = *part;
  sent.owner = n.all[0].owner;
  n.on(1).hear(sent);
  CHECK(n.on(1).count() == 7);
  CHECK_FALSE(n.on(1).tells_members());
  for (std::uint64_t s = 1; s <= 5; ++s)
    n.on(0).leave({s}, n.clock.now());
  n.tell_all();
  CHECK(n.on(1).count() == 2);
  CHECK(n.shown(1) == shown_people{{"ann", 1}, {"user-6", 1}});
}

TEST_CASE("where only the number counts no names go between nodes", "[broker]") {
  auto rules = at_once();
  rules.presence = presence_mode::count;
  nodes n{2, rules};
  n.on(0).enter({1}, "ann", "", "", n.clock.now());
  const auto part = n.on(0).own_changes();
  REQUIRE(part);
  CHECK_FALSE(part->listed);
  CHECK(part->put.empty());
  auto sent = *part;
  sent.owner = n.all[0].owner;
  n.on(1).hear(sent);
  CHECK(n.on(1).count() == 1);
  n.on(1).forget(sent.owner);
  CHECK(n.on(1).count() == 0);
}

TEST_CASE("rosters agree on all nodes, whatever happens to nodes and to what they tell", "[broker]") {
  const auto seed = GENERATE(range(0u, hubbub::tests::seeds(300)));
  CAPTURE(seed);
  std::mt19937 random{seed};
  const auto below = [&random](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>{0, n - 1}(random);
  };
  constexpr std::size_t size = 3;
  nodes n{size};
  // The truth: on which node each session is, and whose it is.
  std::array<std::map<std::uint64_t, std::string>, size> there;
  std::uint64_t sessions = 0;
  for (auto step = 0; step < 200; ++step) {
    const auto i = below(size);
    auto& mine = there[i];
    switch (below(6)) {
    case 0:
    case 1: {
      const auto user = "user-" + std::to_string(below(5));
      n.on(i).enter({++sessions}, user, "", below(2) ? R"({"n":)" + std::to_string(step) + "}" : "",
                    n.clock.now());
      mine[sessions] = user;
      break;
    }
    case 2:
      if (!mine.empty()) {
        const auto gone = std::next(mine.begin(), static_cast<std::ptrdiff_t>(below(mine.size())));
        n.on(i).leave({gone->first}, n.clock.now());
        mine.erase(gone);
      }
      break;
    case 3:
      n.tell(i);
      break;
    case 4: // what it tells is lost to one node, which notices and asks
      if (auto part = n.on(i).own_changes()) {
        const auto deaf = (i + 1) % size, other = (i + 2) % size;
        part->owner = n.all[i].owner;
        n.on(other).hear(*part);
        n.ask(deaf, i);
      }
      break;
    default: // it is killed, its lease ends, and it starts again
      if (below(8) == 0) {
        const auto old = n.all[i].owner;
        for (std::size_t other = 0; other < size; ++other)
          if (other != i)
            n.on(other).forget(old);
        n.start(i);
        mine.clear();
        n.tell_all();
        for (std::size_t other = 0; other < size; ++other)
          if (other != i)
            n.ask(i, other);
      }
    }
  }
  n.tell_all();
  shown_people truth;
  for (const auto& mine : there)
    for (const auto& [session, user] : mine)
      ++truth[user];
  for (std::size_t i = 0; i < size; ++i) {
    CHECK(n.shown(i) == truth);
    CHECK(n.on(i).count() == truth.size());
  }
}
