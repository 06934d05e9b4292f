#include "tests/broker/roster_world.hpp"

using namespace hubbub::broker;
using namespace hubbub::tests;
using namespace std::chrono_literals;

TEST_CASE_METHOD(roster_fixture, "above roster_max only the count is told", "[presence]") {
  rules.roster_max = 3;
  rules.linger = 0ms;
  roster_client ann;
  for (std::uint64_t i = 1; i <= 3; ++i)
    enter(i, "");
  ann.read(*made().view());
  CHECK(ann.members.size() == 3);

  auto before = made().version();
  enter(4, "");
  CHECK_FALSE(made().tells_members());
  CHECK(made().interval() == 5 * rules.presence_interval);
  CHECK_FALSE(made().view()->members());
  CHECK(made().view()->page(10).members.empty());
  CHECK(made().view()->page(10).count == 4);
  auto c = since(before);
  CHECK((c.count == 4 && !c.reset && c.join.empty() && c.leave.empty() && c.update.empty()));
  c = since(0);
  CHECK((c.count == 4 && !c.reset && c.join.empty()));
  ann.read(*made().view());
  CHECK_FALSE(ann.knows_members);

  auto v = made().version();
  CHECK(made().update({4}, "1")); // nobody can see that
  CHECK(made().version() == v);

  leave(2);
  CHECK(made().tells_members());
  CHECK(since(v).reset);
  CHECK(since(before).reset); // one who slept through it all
  ann.read(*made().view());
  CHECK(ann.knows_members);
  CHECK(ann.members.size() == 3);
  CHECK(ann.members.at(session_id{4}.str()).info == "1");
}

TEST_CASE_METHOD(roster_fixture, "a large room's roster comes back a little under its limit", "[presence]") {
  rules.linger = 0ms;
  for (std::uint64_t i = 1; i <= 1001; ++i)
    enter(i, "");
  std::uint64_t next = 1;
  while (!made().tells_members())
    leave(next++);
  CHECK(made().count() == 938);
}

TEST_CASE_METHOD(roster_fixture, "few people with much to say count as many", "[presence]") {
  for (std::uint64_t i = 1; i <= 250; ++i)
    enter(i, "", '"' + std::string(1000, 'x') + '"');
  CHECK(made().count() == 250);
  CHECK_FALSE(made().tells_members());
}

TEST_CASE_METHOD(roster_fixture, "a count room tells only counts", "[presence]") {
  rules.presence = presence_mode::count;
  enter(1, "ann");
  auto v = made().version();
  enter(2, "ann", "1"); // a second connection
  CHECK(made().version() == v);
  enter(3, "bob");
  CHECK(made().version() == v + 1);
  auto c = since(v);
  CHECK((c.count == 2 && !c.reset && c.join.empty() && c.update.empty()));
  CHECK_FALSE(made().view()->members());
}

TEST_CASE_METHOD(roster_fixture, "a room without presence knows nobody", "[presence]") {
  rules.presence = presence_mode::off;
  enter(1, "ann");
  leave(1);
  CHECK(made().count() == 0);
  CHECK_FALSE(made().expire(clock.now() + 1h));
}

TEST_CASE_METHOD(roster_fixture, "five thousand joins in ten seconds stay cheap", "[presence]") {
  roster_client reader;
  std::size_t most = 0;
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    enter(i, "", R"({"name":"somebody"})");
    (void)made().view(); // each joiner asks for the roster
    if (i % 100 == 0) {  // 200 ms
      auto c = made().view()->since(reader.version);
      if (c)
        most = std::max(most, c->join.size());
      reader.read(*made().view());
    }
  }
  CHECK(made().count() == 5000);
  CHECK(reader.told == 50);
  CHECK(most <= 100);
  CHECK(reader.count == 5000);
  CHECK_FALSE(reader.knows_members);
}
