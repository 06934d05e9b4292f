#include "broker/presence.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

#include <algorithm>
#include <map>
#include <random>

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

/// The roster, said as simply as possible.
struct model {
  struct someone {
    std::map<std::uint64_t, bool> sessions;
    std::string info;
    std::uint32_t shown_connections = 0;
    steady_time until;
  };
  std::map<std::string, someone> people;
  milliseconds linger;

  static std::string name(std::uint64_t session, const std::string& user) {
    return user.empty() ? session_id{session}.str() : user;
  }
  void enter(std::uint64_t session, const std::string& user, const std::string& info) {
    auto& p = people[name(session, user)];
    if (!info.empty() || p.sessions.empty())
      p.info = info;
    p.sessions[session] = true;
    p.shown_connections = static_cast<std::uint32_t>(p.sessions.size());
  }
  void leave(std::uint64_t session, const std::string& user, steady_time now) {
    auto it = people.find(name(session, user));
    if (it == people.end() || it->second.sessions.erase(session) == 0)
      return;
    if (!it->second.sessions.empty())
      it->second.shown_connections = static_cast<std::uint32_t>(it->second.sessions.size());
    it->second.until = now + linger;
    if (linger == 0ms)
      expire(now);
  }
  void update(std::uint64_t session, const std::string& user, const std::string& info) {
    auto it = people.find(name(session, user));
    if (it != people.end() && it->second.sessions.contains(session))
      it->second.info = info;
  }
  void expire(steady_time now) {
    std::erase_if(people, [&](const auto& p) { return p.second.sessions.empty() && p.second.until <= now; });
  }
  [[nodiscard]] std::vector<member> members() const {
    std::vector<member> all;
    for (const auto& [user, p] : people)
      all.push_back({user, {}, p.info, p.shown_connections});
    return all;
  }
};

struct model_reader {
  std::uint64_t version = 0;
  std::uint32_t count = 0;
  bool knows_members = false;
  std::map<std::string, member> members;

  void read(const presence_view& v) {
    auto c = v.since(version);
    REQUIRE(v.version() >= version);
    version = v.version();
    if (!c)
      return;
    count = c->count;
    if (c->reset || (c->join.empty() && c->leave.empty() && c->update.empty())) {
      members.clear();
      knows_members = c->reset;
    }
    for (const auto& m : c->join)
      REQUIRE(members.emplace(m.user, m).second);
    for (const auto& m : c->leave)
      REQUIRE(members.erase(m.user) == 1);
    for (const auto& m : c->update) {
      REQUIRE(members.contains(m.user));
      members.at(m.user) = m;
    }
  }
};

void run(unsigned seed) {
  std::mt19937 random{seed};
  auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  policy rules;
  rules.roster_max = pick(2) ? 1000 : static_cast<std::uint32_t>(20 + pick(40));
  rules.linger = pick(3) ? milliseconds{2000} : milliseconds{0};
  manual_clock clock;
  const auto room = room_name::parse("chat.lobby").value();
  auto people = std::make_unique<roster>(room, rules);
  model truth;
  truth.linger = rules.linger;
  const auto sessions = 10 + pick(120);
  auto user_of = [&](std::uint64_t session) {
    return session % 3 == 0 ? std::string{} : "user" + std::to_string(session % 40);
  };
  std::vector<model_reader> readers(4);

  for (int step = 0; step < 1500; ++step) {
    auto session = static_cast<std::uint64_t>(1 + pick(sessions));
    auto user = user_of(session);
    switch (pick(8)) {
    case 0:
    case 1:
    case 2: {
      auto info = pick(3) ? std::to_string(pick(5)) : std::string{};
      people->enter({session}, user, {}, info, clock.now());
      truth.enter(session, user, info);
      break;
    }
    case 3:
    case 4:
      people->leave({session}, clock.now());
      truth.leave(session, user, clock.now());
      break;
    case 5: {
      auto info = std::to_string(pick(5));
      (void)people->update({session}, info);
      truth.update(session, user, info);
      break;
    }
    default: {
      clock.advance(milliseconds{pick(700)});
      auto next = people->expire(clock.now());
      truth.expire(clock.now());
      REQUIRE((!next || *next > clock.now()));
      if (pick(200) == 0) { // the room crashes: all connections enter again, who lingered is forgotten
        people = std::make_unique<roster>(room, rules, people->version());
        std::erase_if(truth.people, [](const auto& p) { return p.second.sessions.empty(); });
        for (auto& [name, p] : truth.people)
          for (auto [s, here] : p.sessions)
            people->enter({s}, user_of(s), {}, p.info, clock.now());
      }
      auto view = people->view();
      auto expected = truth.members();
      REQUIRE(view->count() == expected.size());
      if (view->members())
        REQUIRE(*view->members() == expected);
      else
        REQUIRE(expected.size() > rules.roster_max - rules.roster_max / 16);
      for (std::size_t i = 0; i < readers.size(); ++i) {
        if (pick(i + 1) != 0 || (i == 3 && step % 400 > 5))
          continue; // some skip ticks, the last one sleeps for long
        auto& r = readers[i];
        r.read(*view);
        REQUIRE(r.version == people->version());
        REQUIRE(r.knows_members == view->members().has_value());
        if (r.knows_members) {
          REQUIRE(r.members.size() == expected.size());
          REQUIRE(std::ranges::all_of(expected, [&](const member& m) { return r.members.at(m.user) == m; }));
        }
        REQUIRE(r.count == expected.size());
      }
    }
    }
  }
}

} // namespace

TEST_CASE("who applies what it is told always ends with the true roster", "[presence][model]") {
  for (unsigned seed = 1; seed <= hubbub::tests::seeds(200); ++seed) {
    INFO("seed " << seed);
    run(seed);
  }
}
