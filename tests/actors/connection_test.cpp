#include "tests/actors/actor_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;

TEST_CASE_METHOD(actor_fixture, "a connection is welcomed with its session and its limits", "[actors]") {
  client c{*this, 0};
  settle();
  const auto all = c.read();
  REQUIRE(all.size() == 1);
  CHECK(all[0]["op"] == "welcome");
  CHECK(all[0]["session"].get<std::string>().size() == 16);
  CHECK(all[0]["node"] == "test");
  CHECK(all[0]["user"].is_null());
  CHECK(all[0]["limits"]["rooms"] == 256);
}

TEST_CASE_METHOD(actor_fixture, "what is not granted is forbidden, by name", "[actors]") {
  auto& c = connect();
  CHECK(c.ask(join("shut.door"))["code"] == "forbidden");
  CHECK(c.ask({{"op", "publish"}, {"room", "shut.door"}, {"type", "m"}, {"data", 1}})["code"] == "forbidden");
  CHECK(c.ask({{"op", "history"}, {"room", "shut.door"}, {"limit", 1}})["code"] == "forbidden");
  CHECK(c.ask({{"op", "presence"}, {"room", "shut.door"}})["code"] == "forbidden");
  CHECK(c.ask({{"op", "publish"}, {"room", "off.air"}, {"type", "m"}, {"data", 1}})["code"] == "forbidden");
}

TEST_CASE_METHOD(actor_fixture, "a room is joined once, and a connection is in so many rooms at most",
                 "[actors]") {
  bounds.rooms = 2;
  auto& c = connect();
  CHECK(c.ask(join("chat.one"))["op"] == "ok");
  CHECK(c.ask(join("chat.one"))["code"] == "already_joined");
  CHECK(c.ask(join("chat.two"))["op"] == "ok");
  CHECK(c.ask(join("chat.three"))["code"] == "too_many_rooms");
}

TEST_CASE_METHOD(actor_fixture, "a batch may join a room and leave it again", "[actors]") {
  auto& c = connect();
  c.send(json::array({{{"op", "join"}, {"id", 1}, {"room", "chat.one"}},
                      {{"op", "leave"}, {"id", 2}, {"room", "chat.one"}},
                      {{"op", "join"}, {"id", 3}, {"room", "chat.one"}}}));
  settle();
  const auto all = c.read();
  REQUIRE(all.size() == 3);
  for (auto i = 0u; i < 3; ++i) {
    CHECK(all[i]["op"] == "ok");
    CHECK(all[i]["id"] == i + 1);
  }
}

TEST_CASE_METHOD(actor_fixture, "a slow reader of large events is read from while they wait for it",
                 "[actors]") {
  bounds.control_bytes = 65'536;
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.large"));
  bob.wire.room = 1000;
  const std::string large(60'000, '.');
  for (auto i = 0; i < 3; ++i)
    ann.ask(publish("chat.large", large));
  REQUIRE(bob.wire.blocked());

  bob.send(with_id(join("chat.other"), 1));
  settle();
  CHECK(bob.wire.reading);
  bob.drain(SIZE_MAX);
  const auto got = bob.read();
  REQUIRE(got.size() == 4);
  CHECK(got[0]["data"] == large);
  CHECK(got[1]["op"] == "ok"); // behind the event that had begun
  CHECK(got[3]["data"] == large);
}

TEST_CASE_METHOD(actor_fixture, "who sends faster than allowed is told when to come back, then sent away",
                 "[actors]") {
  bounds.commands_per_second = 5;
  auto& c = connect();
  for (auto i = 0; i < 5; ++i)
    CHECK(c.ask({{"op", "leave"}, {"room", "chat.one"}})["code"] == "not_joined");
  const auto refused = c.ask(join("chat.one"));
  CHECK(refused["code"] == "rate_limited");
  CHECK(refused["retry_after_ms"] > 0);
  for (auto i = 0; i < 60; ++i)
    if (!c.wire.closed)
      c.ask(join("chat.one"));
  REQUIRE(c.wire.closed);
  CHECK(c.wire.closed->code == broker::close_code::too_many_refused);
}

TEST_CASE_METHOD(actor_fixture, "rubbish is refused by name, and too much of it ends the connection",
                 "[actors]") {
  auto& c = connect();
  c.send_text("rubbish");
  settle();
  auto all = c.read();
  REQUIRE(all.size() == 1);
  CHECK(all[0]["op"] == "error");
  CHECK(all[0]["code"] == "bad_frame");
  for (auto i = 0; i < 31; ++i)
    c.send_text("{}");
  REQUIRE(c.wire.closed);
  CHECK(c.wire.closed->code == broker::close_code::protocol_abuse);
}

TEST_CASE_METHOD(actor_fixture, "a client that does not take its answers is not read any more", "[actors]") {
  auto& c = connect();
  c.wire.room = 0;
  for (auto i = 0; i < 200 && c.wire.reading; ++i) {
    c.send({{"op", "leave"}, {"id", i}, {"room", "chat.one"}});
    settle();
  }
  CHECK_FALSE(c.wire.reading);
  c.drain(SIZE_MAX);
  CHECK(c.wire.reading);
  CHECK(c.read().size() == 64);
}

TEST_CASE_METHOD(actor_fixture, "an idle client is pinged, and gone when it does not answer", "[actors]") {
  auto& c = connect();
  advance(bounds.ping + std::chrono::seconds{1});
  auto all = c.read();
  REQUIRE(all.size() == 1);
  CHECK(all[0]["op"] == "ping");
  c.send({{"op", "pong"}});
  advance(bounds.pong_within);
  CHECK_FALSE(c.wire.closed);
  advance(bounds.ping + bounds.pong_within + std::chrono::seconds{1});
  REQUIRE(c.wire.closed);
  CHECK(c.wire.closed->code == broker::close_code::heartbeat_missed);
}

TEST_CASE_METHOD(actor_fixture, "while bytes wait for a client its ping waits too, and progress counts",
                 "[actors]") {
  auto& c = connect();
  c.ask(join("chat.one"));
  c.wire.room = 10;
  auto& ann = connect();
  for (auto i = 0; i < 100; ++i) {
    ann.ask({{"op", "publish"}, {"room", "chat.one"}, {"type", "m"}, {"data", i}});
  }
  for (auto i = 0; i < 12; ++i) { // far longer than ping and pong together, a few bytes at a time
    advance(std::chrono::seconds{10});
    ann.send({{"op", "pong"}});
    CHECK_FALSE(c.wire.closed);
    c.drain(20);
  }
  advance(bounds.stall + bounds.stall / 2 + std::chrono::seconds{1});
  REQUIRE(c.wire.closed);
  CHECK(c.wire.closed->code == broker::close_code::slow_consumer);
}

TEST_CASE_METHOD(actor_fixture, "presence tells who is here, who comes and who goes", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  auto c = join("chat.one");
  c["presence"] = true;
  c["info"] = {{"name", "Ann"}};
  auto ok = ann.ask(c);
  CHECK(ok["count"] == 1);
  REQUIRE(ok["members"].size() == 1);
  CHECK(ok["members"][0]["info"]["name"] == "Ann");
  c["info"] = {{"name", "Bob"}};
  bob.ask(c);
  advance(std::chrono::milliseconds{300});
  auto seen = ann.read();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0]["op"] == "presence");
  CHECK(seen[0]["count"] == 2);
  REQUIRE(seen[0]["join"].size() == 1);
  CHECK(seen[0]["join"][0]["info"]["name"] == "Bob");

  CHECK(bob.ask({{"op", "update"}, {"room", "chat.one"}, {"info", {{"name", "Rob"}}}})["op"] == "ok");
  advance(std::chrono::milliseconds{300});
  seen = ann.read();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0]["update"][0]["info"]["name"] == "Rob");

  bob.gone();
  advance(std::chrono::seconds{1});
  CHECK(ann.read().empty()); // it lingers
  advance(std::chrono::seconds{3});
  seen = ann.read();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0]["leave"].size() == 1);
  CHECK(ann.ask({{"op", "presence"}, {"room", "chat.one"}})["count"] == 1);
}

TEST_CASE_METHOD(actor_fixture, "after a room's crash its presence is told again", "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  auto c = join("chat.one");
  c["presence"] = true;
  ann.ask(c);
  bob.ask(c);
  advance(std::chrono::milliseconds{300});
  ann.read();
  ann.ask(crash("chat.one"));
  advance(std::chrono::milliseconds{300});
  json reset;
  for (const auto& m : ann.read())
    if (m["op"] == "presence")
      reset = m;
  REQUIRE_FALSE(reset.is_null());
  CHECK(reset["reset"] == true);
  CHECK(reset["members"].size() == 2);
}

TEST_CASE_METHOD(actor_fixture, "history is read without joining", "[actors]") {
  auto& c = connect();
  for (auto i = 0; i < 5; ++i)
    c.ask({{"op", "publish"}, {"room", "chat.one"}, {"type", "m"}, {"data", i}});
  auto got = c.ask({{"op", "history"}, {"room", "chat.one"}, {"limit", 2}});
  REQUIRE(got["events"].size() == 2);
  CHECK(got["events"][1]["data"] == 4);
  CHECK(got["more"] == true);
  got = c.ask({{"op", "history"}, {"room", "chat.one"}, {"limit", 2}, {"after", 0}});
  CHECK(got["events"][0]["data"] == 0);
}

TEST_CASE_METHOD(actor_fixture, "presence without a limit lists everybody", "[actors]") {
  for (auto i = 0; i < 3; ++i)
    connect().ask(join("chat.one"));
  const auto ok = connect().ask({{"op", "presence"}, {"room", "chat.one"}});
  CHECK(ok["members"].size() == 3);
  CHECK(ok["more"] == false);
}

TEST_CASE_METHOD(actor_fixture, "what breaks in one connection ends its session and nobody else's",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  bob.ask(join("chat.one"));
  const auto broken = ann.ask({{"op", "history"}, {"room", "chat.breaks"}, {"limit", 1}});
  CHECK(broken["op"] == "error");
  CHECK(broken["code"] == "internal");
  REQUIRE(ann.wire.closed);
  CHECK(ann.wire.closed->code == broker::close_code::internal_error);
  CHECK(ann.wire.closed->reconnect());
  CHECK(node->context().counts.connection_crashes.value() == 1);
  CHECK(bob.ask({{"op", "publish"}, {"room", "chat.one"}, {"type", "m"}, {"data", 1}})["op"] == "ok");
  CHECK_FALSE(bob.wire.closed);
}
