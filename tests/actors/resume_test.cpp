#include "tests/actors/actor_fixture.hpp"

#include <algorithm>

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

namespace {

json resume(const std::string& ticket, json rooms) {
  return {{"op", "resume"}, {"id", 1}, {"ticket", ticket}, {"rooms", std::move(rooms)}};
}

json at(const json& ok) { return {{"epoch", ok["epoch"]}, {"offset", ok["offset"]}}; }

std::vector<std::string> ops(const std::vector<json>& all) {
  std::vector<std::string> found;
  for (const auto& m : all)
    found.push_back(m["op"]);
  return found;
}

using names = std::vector<std::string>;

} // namespace

/// A node whose clients may have been somebody before.
class resume_fixture : public actor_fixture {
public:
  using actor_fixture::actor_fixture;

  /// A ticket of a session that this node has never seen: another node's.
  std::string ticket_of(const std::string& user, broker::session_id session = broker::session_id::random()) {
    broker::identity who;
    who.user = user;
    who.token_id = user + "-token";
    who.issued_ms = time.unix_ms();
    return tickets.seal(who, session);
  }
  json publish(client& c, const std::string& room, const json& data) {
    return c.ask({{"op", "publish"}, {"room", room}, {"type", "m"}, {"data", data}});
  }
  /// All that is said until nothing happens any more.
  std::vector<json> say(client& c, const json& command) {
    c.send(command);
    settle();
    return c.read();
  }
};

TEST_CASE_METHOD(resume_fixture, "a token that is good until the year 9999 is as little looked at as another",
                 "[actors][resume]") {
  broker::identity who;
  who.user = "ann";
  who.expires_ms = 253'402'300'799'000;
  auto& c = connect();
  REQUIRE(ops(say(c, resume(tickets.seal(who, {0xa}), json::object()))) == names{"welcome", "ok"});
  c.wire.looks = 0;
  advance(10s);
  CHECK(c.wire.looks < 5); // ten times a second when the time that is left overflows
  CHECK_FALSE(c.wire.closed);
  CHECK(c.read().empty());
}

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

TEST_CASE_METHOD(resume_fixture, "of two that show the same ticket the later one goes on",
                 "[actors][resume]") {
  const auto ticket = ticket_of("ann", {0xa});
  auto& publisher = connect();
  const auto position = at(publish(publisher, "chat.one", 1));
  std::vector<client*> all;
  for (auto i = 0; i < 5; ++i) {
    all.push_back(&connect());
    all.back()->send(resume(ticket, {{"chat.one", position}}));
  }
  settle();
  for (auto i = 0u; i < 4; ++i) {
    REQUIRE(all[i]->wire.closed);
    CHECK(all[i]->wire.closed->code == broker::close_code::resumed_elsewhere);
  }
  CHECK_FALSE(all[4]->wire.closed);
  publish(publisher, "chat.one", 2);
  const auto told = all[4]->read();
  REQUIRE(ops(told) == names{"welcome", "ok", "event"});
  CHECK(told[1]["rooms"]["chat.one"]["recovered"] == true);

  // Again on the same connection: it is in the room already.
  const auto again = say(*all[4], resume(ticket, {{"chat.one", position}}));
  REQUIRE(ops(again) == names{"ok"});
  CHECK(again[0]["rooms"]["chat.one"] == json{{"error", "already_joined"}});
  CHECK(node->rooms().find(room("chat.one"))->readers() == 1);
}

TEST_CASE_METHOD(resume_fixture, "a ticket is its user's, and counts before the first join",
                 "[actors][resume]") {
  client ann{*this, 0, {.subprotocols = {"ticket." + ticket_of("ann", {0xa})}}};
  settle();
  CHECK(ann.read().at(0)["session"] == "000000000000000a");
  CHECK(say(ann, resume(ticket_of("bob"), json::object())).at(0)["code"] == "forbidden");
  // Another session of one's own.
  auto all = say(ann, resume(ticket_of("ann", {0xb}), json::object()));
  REQUIRE(ops(all) == names{"welcome", "ok"});
  CHECK(all[0]["session"] == "000000000000000b");
  ann.ask(join("chat.one"));
  CHECK(say(ann, resume(ticket_of("ann", {0xc}), json::object())).at(0)["code"] == "already_joined");
  CHECK(say(ann, resume(ticket_of("ann", {0xb}), json::object())).at(0)["op"] == "ok");
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

TEST_CASE_METHOD(resume_fixture, "tickets that do not count are refused by name", "[actors][resume]") {
  auto& c = connect();
  auto missing = resume("", json::object());
  CHECK(say(c, missing).at(0)["message"] == "field `ticket` is missing");
  CHECK(say(c, resume("forged", json::object())).at(0)["code"] == "unauthorized");
  const auto old = ticket_of("ann");
  time.advance(tickets.life);
  CHECK(say(c, resume(old, json::object())).at(0)["code"] == "expired");
  const auto nobody = tickets.seal({}, broker::session_id::random());
  node->context().anonymous = false;
  CHECK_THAT(say(c, resume(nobody, json::object())).at(0)["message"].get<std::string>(),
             Catch::Matchers::Contains("names no user"));
  json many = json::object();
  for (auto i = 0; i < 257; ++i)
    many["chat.r" + std::to_string(i)] = {{"epoch", "e"}, {"offset", 0}};
  CHECK(say(c, resume(ticket_of("ann"), many)).at(0)["code"] == "too_many_rooms");
  std::string text;
  metrics.write(text);
  for (auto line : {"hubbub_tickets_refused_total{reason=\"tampered\"} 1",
                    "hubbub_tickets_refused_total{reason=\"expired\"} 1",
                    "hubbub_tickets_refused_total{reason=\"anonymous\"} 1",
                    "hubbub_resumes_total{outcome=\"refused\"} 5"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE_METHOD(resume_fixture, "whom an operator revokes is sent away and does not come back",
                 "[actors][resume]") {
  const auto ticket = ticket_of("ann", {0xa});
  client ann{*this, 0, {.subprotocols = {"ticket." + ticket}}};
  client bob{*this,
             static_cast<std::uint32_t>(loops.size()) - 1,
             {.subprotocols = {"ticket." + ticket_of("bob", {0xb})}}};
  revoked.put({.user = "ann"});
  settle();
  REQUIRE(ann.wire.closed);
  CHECK(ann.wire.closed->code == broker::close_code::revoked);
  CHECK_FALSE(ann.wire.closed->reconnect());
  CHECK_FALSE(bob.wire.closed);
  auto& c = connect();
  const auto no = say(c, resume(ticket, json::object())).at(0);
  CHECK(no["code"] == "unauthorized");
  CHECK(no["message"] == "the ticket was revoked");
  client again{*this, 0, {.subprotocols = {"ticket." + ticket}}};
  CHECK(again.refused.message == "the ticket was revoked");
  // One session, one token.
  revoked.put({.session = {0xb}});
  settle();
  CHECK(bob.wire.closed);
  client cat{*this, 0, {.subprotocols = {"ticket." + ticket_of("cat")}}};
  revoked.put({.token_id = "cat-token"});
  settle();
  CHECK(cat.wire.closed);
}

TEST_CASE_METHOD(resume_fixture, "who was revoked between handshake and opening does not get in",
                 "[actors][resume]") {
  auto in = node->acceptor().admit({.subprotocols = {"ticket." + ticket_of("ann")}}, *loops[0]);
  REQUIRE(in.has_value());
  revoked.put({.user = "ann"});
  settle();
  fake_connection wire;
  in->handler->on_open(wire);
  REQUIRE(wire.closed);
  CHECK(wire.closed->code == broker::close_code::revoked);
  CHECK(wire.messages().empty());
  in->handler->on_closed();
}

TEST_CASE_METHOD(resume_fixture, "a ticket is renewed before it ends, on the connection that has it",
                 "[actors][resume]") {
  tickets.life = 40s;
  client c{*this, 0, {.subprotocols = {"ticket." + ticket_of("ann", {0xa})}}};
  settle();
  const std::string first = c.read().at(0)["ticket"];
  advance(21s);
  std::string second;
  for (const auto& m : c.read())
    if (m["op"] == "ticket")
      second = m["ticket"];
  REQUIRE_FALSE(second.empty());
  CHECK(second != first);
  CHECK(std::get<broker::ticket>(tickets.open(second)).session == broker::session_id{0xa});
}

TEST_CASE_METHOD(resume_fixture, "who has more grants than fit gets no ticket", "[actors][resume]") {
  tickets.given.push_back({{.user = "burdened"}, {0xa}, INT64_MAX});
  client c{*this, 0, {.subprotocols = {"ticket.t-0"}}};
  settle();
  CHECK(c.read().at(0)["ticket"].is_null());
  CHECK(node->context().counts.tickets_too_large.value() == 1);
}

TEST_CASE_METHOD(resume_fixture, "the log is read once for a room, however many come back to it",
                 "[actors][resume]") {
  auto& publisher = connect();
  const auto first = publish(publisher, "chat.one", 0);
  for (auto i = 1; i < 10; ++i)
    publish(publisher, "chat.one", i);
  for (auto i = 0; i < 120 && node->rooms().find(room("chat.one")); ++i) {
    advance(1s);
    publisher.send({{"op", "pong"}});
  }
  REQUIRE_FALSE(node->rooms().find(room("chat.one"))); // as on a node that has just started
  bus->reads = 0;
  std::vector<client*> all;
  for (auto i = 0; i < 20; ++i) {
    all.push_back(&connect());
    all.back()->send(resume(ticket_of("user" + std::to_string(i)), {{"chat.one", at(first)}}));
  }
  settle();
  for (auto* c : all)
    CHECK(c->events().size() == 9);
  CHECK(bus->reads == 1);
}

TEST_CASE_METHOD(resume_fixture, "who leaves while its rooms are asked is in none of them",
                 "[actors][resume]") {
  auto& publisher = connect();
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", i);
  const auto there = publish(publisher, "chat.one", 0);
  bus->holds_reads = true; // what was trimmed is asked of the log
  auto& c = connect();
  CHECK(say(c, resume(ticket_of("ann"), {{"small.one", at(first)}, {"chat.one", at(there)}})).size() == 1);
  // Others wait for it.
  c.send({{"op", "leave"}, {"id", 2}, {"room", "chat.one"}});
  settle();
  CHECK(c.read().empty());
  c.gone();
  settle();
  bus->answer_reads();
  settle();
  CHECK(node->rooms().find(room("chat.one"))->readers() == 0);
  CHECK(node->rooms().find(room("small.one"))->readers() == 0);
}

TEST_CASE_METHOD(resume_fixture,
                 "who resumes again while the log is still asked has its room, and has it once",
                 "[actors][resume]") {
  auto& publisher = connect();
  auto& watcher = connect();
  watcher.ask(join("small.one"));
  const std::string long_text(500, 'x');
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", long_text); // the tape begins later by now
  watcher.read();
  bus->holds_reads = true;
  bus->reads = 0;
  const auto back = resume(ticket_of("ann", {0xa}), {{"small.one", at(first)}});
  auto& before = connect();
  CHECK(ops(say(before, back)) == names{"welcome"});
  REQUIRE(bus->reads == 1);
  const auto cut = GENERATE(true, false);
  if (cut)
    before.gone();
  auto& after = connect();
  CHECK(ops(say(after, back)) == names{"welcome"});
  CHECK(bus->reads == 1);
  bus->answer_reads();
  settle();
  const auto told = after.read();
  REQUIRE(told.size() >= 2);
  CHECK(told[0]["rooms"]["small.one"]["recovered"] == false);
  CHECK(told[1]["op"] == "gap");
  if (!cut)
    CHECK(before.wire.closed);
  CHECK(node->rooms().find(room("small.one"))->readers() == 2);
  publish(publisher, "small.one", "hello");
  CHECK(after.events() == names{"hello"});
  before.gone();
  after.gone();
  settle();
  CHECK(node->rooms().find(room("small.one"))->readers() == 1);
}

TEST_CASE_METHOD(resume_fixture, "a room that crashes meanwhile is told as unavailable", "[actors][resume]") {
  auto& publisher = connect();
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", i);
  const auto there = publish(publisher, "chat.one", 0);
  bus->holds_reads = true;
  auto& c = connect();
  say(c, resume(ticket_of("ann"), {{"small.one", at(first)}, {"chat.one", at(there)}}));
  publisher.ask({{"op", "publish"}, {"room", "chat.one"}, {"type", "crash"}, {"data", 1}});
  settle();
  bus->answer_reads();
  settle();
  const auto all = c.read();
  REQUIRE(all.size() >= 1);
  CHECK(all[0]["rooms"]["chat.one"] == json{{"error", "unavailable"}});
  CHECK(all[0]["rooms"]["small.one"]["recovered"] == false);
  CHECK(c.ask(join("chat.one"))["op"] == "ok");
}

TEST_CASE_METHOD(resume_fixture,
                 "a room that was made anew before that was known keeps no ghost of who resumed",
                 "[actors][resume]") {
  auto& publisher = connect_to(0);
  auto& c = connect_to(0);
  const auto first = publish(publisher, "small.one", 0);
  for (auto i = 0; i < 20; ++i)
    publish(publisher, "small.one", i);
  const auto there = publish(publisher, "chat.one", 0);
  publisher.send({{"op", "publish"}, {"id", 99}, {"room", "chat.one"}, {"type", "crash"}, {"data", 1}});
  turn(); // the room is gone, and its supervisor has not heard of it
  bus->holds_reads = true;
  c.send(resume(ticket_of("ann"), {{"small.one", at(first)}, {"chat.one", at(there)}}));
  for (auto i = 0; i < 10; ++i)
    turn(); // the one in its place has answered, and the other room waits for the log
  settle();
  bus->answer_reads();
  settle();
  const auto all = c.read();
  const auto ok = std::ranges::find(all, "ok", [](const json& m) { return m["op"]; });
  REQUIRE(ok != all.end());
  CHECK((*ok)["rooms"]["chat.one"] == json{{"error", "unavailable"}});
  CHECK(this->node->rooms().find(room("chat.one"))->readers() == 0);
  CHECK(c.ask(join("chat.one"))["op"] == "ok");
}

TEST_CASE("who takes a session over waits for all who had it before", "[actors][resume]") {
  struct four_loops : resume_fixture {
    four_loops() : resume_fixture{4} {}
  } world;
  const auto between_goes_first = GENERATE(true, false);
  const auto ticket = world.ticket_of("ann", {0xa});
  auto& publisher = world.connect_to(3);
  const auto position = at(world.publish(publisher, "chat.one", 1));
  client before{world, 0, {.subprotocols = {"ticket." + ticket}}};
  world.settle();
  REQUIRE(before.ask(join("chat.one"))["op"] == "ok");

  // The first one's loop is in a long turn: it hears of nothing.
  client between{world, 1, {.subprotocols = {"ticket." + ticket}}};
  between.send(resume(ticket, {{"chat.one", position}}));
  world.turn_of(1);
  if (between_goes_first)
    between.gone();
  client after{world, 2, {.subprotocols = {"ticket." + ticket}}};
  after.send(resume(ticket, {{"chat.one", position}}));
  for (auto i = 0; i < 10; ++i)
    for (auto loop : {1, 2, 3})
      world.turn_of(static_cast<std::size_t>(loop));
  CHECK(ops(after.read()) == names{"welcome"});
  between.gone();

  world.settle();
  const auto told = after.read();
  REQUIRE(ops(told) == names{"ok"});
  CHECK(told[0]["rooms"]["chat.one"]["recovered"] == true);
  CHECK(world.node->rooms().find(world.room("chat.one"))->readers() == 1);
  world.publish(publisher, "chat.one", "hello");
  CHECK(after.events() == names{"hello"});
  CHECK(before.wire.closed);
  before.gone();
  // Nothing of it is kept.
  after.gone();
  world.settle();
  CHECK(world.node->context().sessions.take({0xa}, nullptr) == nullptr);
}

TEST_CASE("a session whose connections have all gone is forgotten", "[actors][resume]") {
  struct two_loops : resume_fixture {
    two_loops() : resume_fixture{2} {}
  } world;
  const auto ticket = world.ticket_of("ann", {0xa});
  client before{world, 0, {.subprotocols = {"ticket." + ticket}}};
  world.settle();
  client after{world, 1, {.subprotocols = {"ticket." + ticket}}};
  after.gone();
  world.settle();
  CHECK(before.wire.closed);
  CHECK(world.node->context().sessions.take({0xa}, nullptr) == nullptr);
}
