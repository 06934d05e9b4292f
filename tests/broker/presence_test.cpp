#include "tests/broker/roster_world.hpp"

using namespace hubbub::broker;
using namespace hubbub::tests;
using namespace std::chrono_literals;

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
