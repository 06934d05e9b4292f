#pragma once

#include "broker/presence.hpp"
#include "tests/support/catch.hpp"

#include <map>

namespace hubbub::tests {

inline const broker::room_name lobby = broker::room_name::parse("chat.lobby").value();

/// What a client does with what it is told.
struct roster_client {
  std::uint64_t version = 0;
  std::uint32_t count = 0;
  bool knows_members = false;
  std::map<std::string, broker::member> members;
  std::size_t told = 0;

  void read(const broker::presence_view& v) {
    auto change = v.since(version);
    version = v.version();
    if (!change)
      return;
    ++told;
    CHECK(change->room == lobby);
    CHECK(change->version == v.version());
    count = change->count;
    if (change->reset) {
      members.clear();
      knows_members = true;
    } else if (change->join.empty() && change->leave.empty() && change->update.empty()) {
      members.clear();
      knows_members = false;
    }
    for (const auto& m : change->join)
      REQUIRE(members.emplace(m.user, m).second);
    for (const auto& m : change->update) {
      REQUIRE(members.contains(m.user));
      REQUIRE_FALSE(members.at(m.user) == m);
      members.at(m.user) = m;
    }
    for (const auto& m : change->leave)
      REQUIRE(members.erase(m.user) == 1);
  }
};

struct roster_fixture {
  broker::policy rules;
  broker::manual_clock clock;
  std::unique_ptr<broker::roster> people;

  broker::roster& made() {
    if (!people)
      people = std::make_unique<broker::roster>(lobby, rules);
    return *people;
  }
  void enter(std::uint64_t session, std::string_view user, std::string_view info = {}) {
    made().enter({session}, user, {}, info, clock.now());
  }
  void leave(std::uint64_t session) { made().leave({session}, clock.now()); }
  broker::presence_change since(std::uint64_t from) {
    auto c = made().view()->since(from);
    REQUIRE(c);
    return *c;
  }
};

inline std::vector<std::string> users(const std::vector<broker::member>& all) {
  std::vector<std::string> names;
  for (const auto& m : all)
    names.push_back(m.user);
  return names;
}

using names = std::vector<std::string>;

} // namespace hubbub::tests
