#include "broker/presence.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <map>
#include <thread>

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

const room_name lobby = room_name::parse("chat.lobby").value();

/// What a client does with what it is told.
struct roster_client {
  std::uint64_t version = 0;
  std::uint32_t count = 0;
  bool knows_members = false;
  std::map<std::string, member> members;
  std::size_t told = 0;

  void read(const presence_view& v) {
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
  policy rules;
  manual_clock clock;
  std::unique_ptr<roster> people;

  roster& made() {
    if (!people)
      people = std::make_unique<roster>(lobby, rules);
    return *people;
  }
  void enter(std::uint64_t session, std::string_view user, std::string_view info = {}) {
    made().enter({session}, user, {}, info, clock.now());
  }
  void leave(std::uint64_t session) { made().leave({session}, clock.now()); }
  presence_change since(std::uint64_t from) {
    auto c = made().view()->since(from);
    REQUIRE(c);
    return *c;
  }
};

std::vector<std::string> users(const std::vector<member>& all) {
  std::vector<std::string> names;
  for (const auto& m : all)
    names.push_back(m.user);
  return names;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(roster_fixture, "who knows nothing gets the whole roster", "[presence]") {
  made().enter({1}, "bob", R"({"role":"admin"})", R"({"name":"Bob"})", clock.now());
  enter(2, "ann");
  auto c = since(0);
  CHECK(c.reset);
  CHECK(c.version == made().version());
  CHECK(c.count == 2);
  REQUIRE(users(c.join) == names{"ann", "bob"});
  CHECK(c.join[1] == member{"bob", R"({"role":"admin"})", R"({"name":"Bob"})", 1});
}

TEST_CASE_METHOD(roster_fixture, "an anonymous client is shown by its session", "[presence]") {
  enter(0xabc, "");
  CHECK(since(0).join.at(0).user == session_id{0xabc}.str());
}

TEST_CASE_METHOD(roster_fixture, "each visible change raises the version by one", "[presence]") {
  enter(1, "ann");
  auto v = made().version();
  enter(2, "bob", "1");
  CHECK(made().version() == v + 1);
  CHECK(made().update({2}, "2"));
  CHECK(made().version() == v + 2);
  CHECK(made().update({2}, "2"));
  CHECK(made().version() == v + 2);
  CHECK_FALSE(made().update({99}, "2"));
  leave(2);
  CHECK(made().version() == v + 2); // lingers
  clock.advance(2s);
  CHECK_FALSE(made().expire(clock.now()));
  CHECK(made().version() == v + 3);
}

TEST_CASE_METHOD(roster_fixture, "changes are net of each other", "[presence]") {
  rules.linger = 0ms;
  enter(1, "ann");
  enter(2, "bob", "1");
  auto v = made().version();
  enter(3, "guest");
  leave(3);                                     // came and went
  CHECK(made().update({2}, "2"));               // changed
  leave(1);                                     // went
  enter(4, "cid");                              // came
  CHECK(made().update({4}, R"({"name":"C"})")); // and said something at once
  auto c = since(v);
  CHECK_FALSE(c.reset);
  CHECK(c.count == 2);
  CHECK(users(c.join) == names{"cid"});
  CHECK(c.join[0].info == R"({"name":"C"})");
  CHECK(users(c.leave) == names{"ann"});
  REQUIRE(users(c.update) == names{"bob"});
  CHECK(c.update[0].info == "2");
  CHECK_FALSE(made().view()->since(made().version()));
}

TEST_CASE_METHOD(roster_fixture, "what was undone is not told at all", "[presence]") {
  rules.linger = 0ms;
  enter(1, "ann");
  auto v = made().version();
  enter(2, "bob");
  leave(2);
  leave(1);
  enter(3, "ann");
  CHECK(made().version() == v + 4);
  CHECK_FALSE(made().view()->since(v));
}

TEST_CASE_METHOD(roster_fixture, "a person is one member, however many connections", "[presence]") {
  enter(1, "ann", "1");
  enter(2, "bob");
  auto v = made().version();
  enter(3, "ann", "2");
  CHECK(made().count() == 2);
  auto c = since(v);
  CHECK(c.join.empty());
  REQUIRE(c.update.size() == 1);
  CHECK(c.update[0] == member{"ann", "", "2", 2});
  enter(4, "ann"); // says nothing of itself
  CHECK(since(v).update.at(0) == member{"ann", "", "2", 3});
  leave(4);
  leave(3);
  leave(3);
  CHECK(since(v).update.at(0) == member{"ann", "", "2", 1});
  CHECK_FALSE(made().expire(clock.now()));
}

TEST_CASE_METHOD(roster_fixture, "a reconnect within linger is neither leave nor join", "[presence]") {
  enter(1, "ann", "1");
  enter(2, "", "2");
  auto v = made().version();
  leave(1);
  leave(2);
  CHECK(made().expire(clock.now()) == clock.now() + 2s);
  clock.advance(1999ms);
  CHECK(made().expire(clock.now()));
  CHECK(made().count() == 2);
  enter(3, "ann", "1"); // another session of the same user
  enter(2, "", "2");    // the same session of an anonymous one
  clock.advance(1min);
  CHECK_FALSE(made().expire(clock.now()));
  CHECK(made().version() == v);
}

TEST_CASE_METHOD(roster_fixture, "who does not come back within linger has left then", "[presence]") {
  enter(1, "ann");
  enter(2, "bob");
  enter(3, "cid");
  auto v = made().version();
  auto start = clock.now();
  leave(1);
  clock.advance(500ms);
  leave(2);
  clock.advance(500ms);
  leave(3);
  enter(4, "bob"); // out of the middle of those that linger
  CHECK(made().expire(clock.now()) == start + 2s);
  clock.advance(1s);
  CHECK(made().expire(clock.now()) == start + 3s);
  CHECK(users(since(v).leave) == names{"ann"});
  clock.advance(1s);
  CHECK_FALSE(made().expire(clock.now()));
  CHECK(users(since(v).leave) == names{"ann", "cid"});
  CHECK(made().count() == 1);
}

TEST_CASE_METHOD(roster_fixture, "who leaves a node that drains lingers for longer", "[presence]") {
  rules.linger = 500ms;
  enter(1, "ann");
  enter(2, "bob");
  leave(1);
  made().leave({2}, clock.now(), 5s);
  CHECK(made().expire(clock.now()) == clock.now() + 500ms);
  clock.advance(500ms);
  CHECK(made().expire(clock.now()) == clock.now() + 4500ms);
  CHECK(made().count() == 1);
  enter(3, "cid");
  made().leave({3}, clock.now(), 5s);
  clock.advance(5s);
  CHECK_FALSE(made().expire(clock.now()));
  CHECK(made().count() == 0);
}

TEST_CASE_METHOD(roster_fixture, "where nobody lingers a session that goes on over another connection does",
                 "[presence]") {
  rules.linger = 0ms;
  for (auto session : {1u, 2u})
    enter(session, "user" + std::to_string(session));
  const auto v = made().version();
  for (auto session : {1u, 2u})
    made().leave({session}, clock.now(), {}, true);
  CHECK(made().version() == v);
  enter(1, "user1");
  CHECK(made().version() == v);
  clock.advance(1s);
  CHECK(made().expire(clock.now()));
  CHECK(made().count() == 2);
  // It was in the room, and has not come back to it.
  clock.advance(1s);
  CHECK_FALSE(made().expire(clock.now()));
  CHECK(users(since(v).leave) == names{"user2"});
  // Who simply leaves has left.
  leave(1);
  CHECK(made().count() == 0);
}

TEST_CASE_METHOD(roster_fixture, "a returning connection is shown as it is, not as it was", "[presence]") {
  enter(1, "ann", "1");
  leave(1);
  enter(2, "ann");
  CHECK(since(0).join.at(0) == member{"ann", "", "", 1});
}

TEST_CASE_METHOD(roster_fixture, "a session that becomes somebody else leaves first", "[presence]") {
  rules.linger = 0ms;
  enter(1, "");
  auto v = made().version();
  enter(1, "ann");
  CHECK(made().count() == 1);
  CHECK(users(since(v).join) == names{"ann"});
  CHECK(users(since(v).leave) == names{session_id{1}.str()});
}

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

TEST_CASE_METHOD(roster_fixture, "who is too far behind gets a reset", "[presence]") {
  enter(1, "ann", "0");
  auto early = made().version();
  for (int i = 1; i <= 100; ++i)
    CHECK(made().update({1}, std::to_string(i)));
  auto later = made().version();
  CHECK_FALSE(since(early).reset);
  for (int i = 1; i <= 950; ++i)
    CHECK(made().update({1}, std::to_string(i)));
  CHECK(since(early).reset);
  CHECK_FALSE(since(later).reset);
  for (int i = 1; i <= 100; ++i) // large ones: the bytes are bounded as well
    CHECK(made().update({1}, std::string(1000 + static_cast<std::size_t>(i), '1')));
  CHECK(since(made().version() - 100).reset);
  CHECK_FALSE(since(made().version() - 50).reset);
  CHECK(since(made().version() + 1).reset); // from a future that was lost
}

TEST_CASE_METHOD(roster_fixture, "a roster made anew goes on above the old versions", "[presence]") {
  roster_client ann;
  enter(1, "ann");
  enter(2, "bob");
  ann.read(*made().view());
  auto seed = made().version();
  people = std::make_unique<roster>(lobby, rules, seed);
  enter(1, "ann");
  CHECK(made().version() > seed);
  CHECK(since(ann.version).reset);
  ann.read(*made().view());
  CHECK(ann.members.size() == 1);
}

TEST_CASE_METHOD(roster_fixture, "a roster is read in pages", "[presence]") {
  for (std::uint64_t i = 1; i <= 300; ++i)
    enter(i, "user" + std::to_string(1000 + i));
  auto view = made().view();
  names seen;
  std::string after;
  for (bool more = true; more;) {
    auto p = view->page(70, after);
    CHECK(p.count == 300);
    CHECK(p.members.size() <= 70);
    for (const auto& m : p.members)
      seen.push_back(m.user);
    after = seen.back();
    more = p.more;
  }
  CHECK(seen.size() == 300);
  CHECK(std::ranges::is_sorted(seen));
  CHECK(seen == users(*view->members()));
  CHECK(view->page(0).members.size() == 300);
  CHECK_FALSE(view->page(300).more);
  CHECK(view->page(10, "zzz").members.empty());
}

TEST_CASE_METHOD(roster_fixture, "a view stays as it was", "[presence]") {
  rules.linger = 0ms;
  for (std::uint64_t i = 1; i <= 200; ++i)
    enter(i, "");
  auto view = made().view();
  CHECK(view == made().view());
  auto then = *view->members();
  auto change = view->since(view->version() - 20);
  for (std::uint64_t i = 1; i <= 200; i += 2)
    leave(i);
  for (std::uint64_t i = 300; i <= 400; ++i)
    enter(i, "");
  CHECK(made().view() != view);
  CHECK(*view->members() == then);
  CHECK(view->count() == 200);
  auto again = view->since(view->version() - 20);
  CHECK(again->join == change->join);
  CHECK(made().view()->members()->size() == 201);
}

TEST_CASE_METHOD(roster_fixture, "views are read while the roster goes on", "[presence]") {
  rules.linger = 0ms;
  std::mutex door;
  std::shared_ptr<const presence_view> newest = made().view();
  std::atomic<bool> over{false};
  std::atomic<std::size_t> wrong{0};
  auto reading = [&] {
    std::uint64_t version = 0;
    std::map<std::string, member> known;
    while (!over) {
      std::shared_ptr<const presence_view> v;
      {
        std::lock_guard lock{door};
        v = newest;
      }
      if (auto c = v->since(version)) {
        if (c->reset)
          known.clear();
        for (const auto& m : c->join)
          known[m.user] = m;
        for (const auto& m : c->update)
          known[m.user] = m;
        for (const auto& m : c->leave)
          known.erase(m.user);
        if (known.size() != v->count() || v->members()->size() != v->count())
          ++wrong;
      }
      version = v->version();
    }
  };
  std::thread one{reading};
  std::thread two{reading};
  for (std::uint64_t i = 0; i < 5000; ++i) {
    auto session = i * 7919 % 300 + 1;
    if (i % 3 == 0)
      leave(session);
    else
      enter(session, "", std::to_string(i));
    if (i % 5 == 0) {
      auto v = made().view();
      std::lock_guard lock{door};
      newest = std::move(v);
    }
  }
  over = true;
  one.join();
  two.join();
  CHECK(wrong == 0);
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

TEST_CASE_METHOD(roster_fixture, "after a rest everybody is still there, and who knew less gets a reset",
                 "[presence]") {
  rules.linger = 0ms;
  enter(1, "bob", "1");
  enter(2, "ann");
  roster_client early;
  early.read(*made().view());
  made().rest();
  enter(3, "cid"); // nobody follows
  leave(2);
  roster_client late;
  late.read(*made().view());
  CHECK(late.version == made().version());
  CHECK(late.members.size() == 2);
  CHECK(late.members.at("bob").info == "1");
  CHECK(late.members.contains("cid"));
  CHECK(since(early.version).reset);
  enter(4, "dan"); // from here on step by step
  CHECK_FALSE(since(late.version).reset);
  late.read(*made().view());
  early.read(*made().view());
  CHECK(late.members == early.members);
}
