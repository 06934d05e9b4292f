#include "tests/actors/resume_fixture.hpp"

#include <algorithm>

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

TEST_CASE_METHOD(resume_fixture, "a session goes on in one frame: its name, its rooms, what it missed",
                 "[actors][resume]") {
  node->context().anonymous = false;
  auto ann = ticket_of("ann", {0xa});
  client publisher{*this, 0, {.subprotocols = {"ticket." + ticket_of("bob")}}};
  const auto first = publish(publisher, "chat.one", 1);
  for (auto i = 2; i <= 4; ++i)
    publish(publisher, "chat.one", i);
  const auto other = publish(publisher, "chat.two", "x");

  auto& c = connect();
  CHECK(c.ask(join("chat.one"))["code"] == "unauthorized");
  const auto all = say(c, resume(ann, {{"chat.one", at(first)}, {"chat.two", at(other)}}));
  REQUIRE(ops(all) == names{"welcome", "ok", "event", "event", "event"});
  CHECK(all[0]["user"] == "ann");
  CHECK(all[0]["session"] == "000000000000000a");
  CHECK(all[0]["ticket"].is_string());
  CHECK(all[1]["id"] == 1);
  CHECK(all[1]["user"] == "ann");
  const auto& one = all[1]["rooms"]["chat.one"];
  CHECK(one ==
        json{{"epoch", first["epoch"]}, {"offset", first["offset"]}, {"head", 4}, {"recovered", true}});
  CHECK(all[1]["rooms"]["chat.two"]["recovered"] == true);
  for (auto i = 0u; i < 3; ++i)
    CHECK(all[2 + i]["data"] == i + 2);

  publish(publisher, "chat.two", "live");
  CHECK(c.events() == names{"live"});
}

TEST_CASE_METHOD(resume_fixture, "each room is looked at again, and one that is refused spoils no other",
                 "[actors][resume]") {
  auto& publisher = connect();
  json rooms{{"shut.door", {{"epoch", "e"}, {"offset", 1}}}};
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 1; i < 20; ++i)
    publish(publisher, "small.one", i); // of which five are kept
  rooms["small.one"] = at(first);
  for (auto i = 0; i < 30; ++i) {
    const auto room = "chat.r" + std::to_string(i);
    rooms[room] = at(publish(publisher, room, i));
    publish(publisher, room, "missed");
  }
  rooms["chat.lost"] = {{"epoch", "another life"}, {"offset", 7}};
  rooms["live.cursors"] = {{"epoch", "any"}, {"offset", 0}};

  auto& c = connect();
  const auto all = say(c, resume(ticket_of("ann"), rooms));
  REQUIRE(all.size() > 4);
  CHECK(all[0]["op"] == "welcome"); // once more: it has another session now
  CHECK(all[1]["op"] == "ok");
  const auto& told = all[1]["rooms"];
  CHECK(told.size() == rooms.size());
  CHECK(told["shut.door"] == json{{"error", "forbidden"}});
  CHECK(told["small.one"]["recovered"] == false);
  CHECK(told["chat.lost"]["recovered"] == false);
  CHECK(told["live.cursors"]["recovered"] == false);
  std::size_t events = 0, gaps = 0, recovered = 0;
  for (const auto& m : all) {
    if (m["op"] == "gap") {
      ++gaps;
      CHECK(events == 0); // all of them first
    }
    events += m["op"] == "event";
  }
  for (const auto& [name, r] : told.items())
    recovered += r.contains("recovered") && r["recovered"] == true;
  CHECK(gaps == 3);
  CHECK(recovered == 30);
  CHECK(events == 5 + 30);
  CHECK(c.ask(join("shut.door"))["code"] == "forbidden");
  CHECK(c.ask(join("chat.r7"))["code"] == "already_joined");
}

TEST_CASE_METHOD(resume_fixture, "nobody sees that a member's connection is another one",
                 "[actors][resume]") {
  auto watch = join("chat.one");
  watch["presence"] = true;
  auto& watcher = connect();
  watcher.ask(watch);
  advance(300ms);
  client before{*this, 0, {.subprotocols = {"ticket." + ticket_of("ann", {0xa})}}};
  const auto was = before.read();
  settle();
  const std::string ticket = was.at(0)["ticket"];
  watch["info"] = {{"name", "Ann"}};
  const auto ok = before.ask(watch);
  REQUIRE(ok["count"] == 2);
  advance(300ms);
  watcher.read();

  // The network is gone, and nobody knows yet.
  auto& after = connect();
  auto room = at(ok);
  room["presence"] = true;
  room["info"] = {{"name", "Ann"}};
  auto all = say(after, resume(ticket, {{"chat.one", room}}));
  REQUIRE(all.size() >= 2);
  CHECK(all[0]["session"] == was[0]["session"]);
  CHECK(all[1]["rooms"]["chat.one"]["recovered"] == true);
  REQUIRE(before.wire.closed);
  CHECK(before.wire.closed->code == broker::close_code::resumed_elsewhere);
  CHECK_FALSE(before.wire.closed->reconnect());
  before.gone();
  advance(5s);
  for (const auto& m : watcher.read())
    CHECK(m["op"] != "presence");
  for (const auto& m : after.read())
    all.push_back(m);
  const auto reset = std::ranges::find_if(all, [](const json& m) { return m["op"] == "presence"; });
  REQUIRE(reset != all.end());
  CHECK((*reset)["reset"] == true);
  CHECK((*reset)["members"].size() == 2);
  CHECK(watcher.ask({{"op", "presence"}, {"room", "chat.one"}})["count"] == 2);
  publish(watcher, "chat.one", "hello");
  CHECK(after.events() == names{"hello"});
}

TEST_CASE_METHOD(resume_fixture, "nor does anybody where nobody lingers, however long the change takes",
                 "[actors][resume]") {
  if (loops.size() == 1)
    return; // nothing comes between in one turn
  // One of them is at home on whichever loop.
  names rooms;
  for (auto i = 0; i < 8; ++i)
    rooms.push_back("prompt.r" + std::to_string(i));
  auto& watcher = connect_to(0);
  auto watch = [](const std::string& room) {
    auto j = join(room);
    j["presence"] = true;
    return j;
  };
  const auto ticket = ticket_of("ann", {0xa});
  client before{*this, 1, {.subprotocols = {"ticket." + ticket}}};
  json positions = json::object();
  for (const auto& room : rooms) {
    watcher.ask(watch(room));
    positions[room] = at(before.ask(join(room)));
  }
  advance(300ms);
  watcher.read();

  auto& after = connect_to(2);
  after.send(resume(ticket, positions));
  turn_of(1); // the rooms hear that they are left; the new connection does not know it yet
  REQUIRE(before.wire.closed);
  auto& clock = dynamic_cast<caf::scheduler::test_coordinator&>(node->system().scheduler());
  for (auto i = 0; i < 5; ++i) {
    time.advance(100ms);
    clock.advance_time(100ms);
    for (auto loop : {0u, 1u, 3u})
      turn_of(loop);
  }
  settle();
  advance(5s);
  for (const auto& m : watcher.read())
    CHECK(m["op"] != "presence");
  for (const auto& room : rooms)
    CHECK(watcher.ask({{"op", "presence"}, {"room", room}})["count"] == 2);
  before.gone();
  after.gone();
  advance(1s);
  CHECK(watcher.ask({{"op", "presence"}, {"room", rooms.front()}})["count"] == 1);
}

TEST_CASE_METHOD(resume_fixture, "a ticket in the handshake restores the session before anything is said",
                 "[actors][resume]") {
  node->context().anonymous = false;
  client c{*this, 0, {.subprotocols = {"hubbub.v1.json", "ticket." + ticket_of("ann", {0xa})}}};
  settle();
  const auto welcome = c.read();
  REQUIRE(ops(welcome) == names{"welcome"});
  CHECK(welcome[0]["user"] == "ann");
  CHECK(welcome[0]["session"] == "000000000000000a");
  const auto position = at(publish(c, "chat.one", 1));
  publish(c, "chat.one", 2);
  json without = resume("", {{"chat.one", position}});
  without.erase("ticket");
  CHECK(ops(say(c, without)) == names{"ok", "event"});
  CHECK(node->context().counts.ticket_handshakes.value() == 1);

  client stranger{*this, 0, {.subprotocols = {"ticket.forged"}}};
  CHECK(stranger.refused.code == broker::errc::unauthorized);
  CHECK(stranger.refused.message == "the ticket is not as it was sealed");
  // Beside a token it is passed over, and the token counts or not.
  client token{*this, 0, {.bearer = "x.y.z", .subprotocols = {"ticket.forged"}}};
  CHECK(token.refused.message == "this server has no keys to verify a token with");
  // A browser sends cookies whether they are meant or not.
  client cookie{*this, 0, {.cookie_token = "x.y.z", .subprotocols = {"ticket.forged"}}};
  CHECK(cookie.refused.message == "the ticket is not as it was sealed");
}
