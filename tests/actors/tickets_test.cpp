#include "tests/actors/resume_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

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
