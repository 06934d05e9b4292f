#include "tests/actors/backend_fixture.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

using namespace hubbub;
using namespace hubbub::tests;

TEST_CASE_METHOD(backend_fixture, "backends are told who came, who went, and what was refused", "[actors]") {
  auto& ann = connect();
  REQUIRE(notices.kinds() == std::vector<std::string_view>{"connected"});
  const auto session = notices.all[0].session;
  CHECK(session);
  CHECK(ann.ask(publish_to("shut.one"))["code"] == "forbidden");
  REQUIRE(notices.all.size() == 2);
  CHECK(notices.all[1].what == broker::notice_kind::refused);
  CHECK(notices.all[1].code == "forbidden");
  CHECK(notices.all[1].session == session);
  CHECK(notices.all[1].message.find("shut.one") != std::string::npos);
  send(ann, call("calls.one"));
  answer_call(0, fake_backend::refuses("out_of_stock", "none left"));
  REQUIRE(notices.all.size() == 3);
  CHECK(notices.all[2].code == "out_of_stock");
  ann.gone();
  settle();
  REQUIRE(notices.all.size() == 4);
  CHECK(notices.all[3].what == broker::notice_kind::disconnected);
  CHECK(notices.all[3].session == session);
}

TEST_CASE_METHOD(backend_fixture, "a session that goes on over another connection is not told as gone",
                 "[actors]") {
  const auto ticket = tickets.seal({.user = "ann"}, {0xa});
  client before{*this, 0, {.subprotocols = {"ticket." + ticket}}};
  settle();
  client after{*this, static_cast<std::uint32_t>(loops.size()) - 1, {.subprotocols = {"ticket." + ticket}}};
  settle();
  before.gone();
  CHECK(notices.kinds() == std::vector<std::string_view>{"connected", "connected"});
  after.gone();
  CHECK(notices.kinds() == std::vector<std::string_view>{"connected", "connected", "disconnected"});
  for (const auto& n : notices.all)
    CHECK(n.session == broker::session_id{0xa});
}

TEST_CASE_METHOD(backend_fixture,
                 "a connection that closes before it hears that it was resumed tells nothing", "[actors]") {
  const auto ticket = tickets.seal({.user = "ann"}, {0xa});
  client before{*this, 0, {.subprotocols = {"ticket." + ticket}}};
  settle();
  client after{*this, static_cast<std::uint32_t>(loops.size()) - 1, {.subprotocols = {"ticket." + ticket}}};
  before.gone();
  settle();
  CHECK(notices.kinds() == std::vector<std::string_view>{"connected", "connected"});
}

TEST_CASE_METHOD(backend_fixture, "a client that resumes in its first frame leaves no session behind",
                 "[actors]") {
  auto& ann = connect(); // as somebody of no name, with a session of its own
  const auto first = notices.all.at(0).session;
  send(ann, {{"op", "resume"}, {"ticket", tickets.seal({.user = "ann"}, {0xa})}, {"rooms", json::object()}});
  REQUIRE(notices.kinds() == std::vector<std::string_view>{"connected", "disconnected", "connected"});
  CHECK(notices.all[1].session == first);
  CHECK(notices.all[1].user.empty());
  CHECK(notices.all[2].session == broker::session_id{0xa});
  CHECK(notices.all[2].user == "ann");
  ann.gone();
  REQUIRE(notices.all.size() == 4);
  CHECK(notices.all[3].session == broker::session_id{0xa});
}

TEST_CASE_METHOD(backend_fixture, "who was never welcomed does not go", "[actors]") {
  auto in =
      node->acceptor().admit({.subprotocols = {"ticket." + tickets.seal({.user = "ann"}, {0xa})}}, *loops[0]);
  REQUIRE(in.has_value());
  revoked.put({.user = "ann"});
  fake_connection wire;
  in->handler->on_open(wire);
  REQUIRE(wire.closed);
  in->handler->on_closed();
  CHECK(notices.all.empty());
}

TEST_CASE_METHOD(backend_fixture, "backends are told when a room gets its first reader and loses its last",
                 "[actors]") {
  auto& ann = connect();
  auto& bob = connect();
  notices.all.clear();
  const json join{{"op", "join"}, {"room", "chat.one"}}, leave{{"op", "leave"}, {"room", "chat.one"}};
  ann.ask(join);
  bob.ask(join);
  REQUIRE(notices.kinds() == std::vector<std::string_view>{"occupied"});
  CHECK(notices.all[0].room == room("chat.one"));
  ann.ask(leave);
  settle();
  CHECK(notices.all.size() == 1);
  bob.gone();
  settle();
  CHECK(notices.kinds() == std::vector<std::string_view>{"occupied", "disconnected", "vacated"});
  // A publish makes a room, and nobody is in it.
  connect().ask(publish_to("chat.two"));
  CHECK(notices.kinds().back() == "connected");
}

TEST_CASE_METHOD(backend_fixture, "a room that crashed is vacated and occupied anew", "[actors]") {
  auto& ann = connect();
  ann.ask({{"op", "join"}, {"room", "chat.one"}});
  notices.all.clear();
  ann.ask(crash("chat.one"));
  advance(std::chrono::milliseconds{200});
  std::vector<std::string_view> rooms;
  for (const auto kind : notices.kinds())
    if (kind == "vacated" || kind == "occupied")
      rooms.push_back(kind);
  CHECK(rooms == std::vector<std::string_view>{"vacated", "occupied"});
}

TEST_CASE_METHOD(backend_fixture, "nothing is told that nobody wants", "[actors]") {
  notices.wanted = false;
  auto& ann = connect();
  ann.ask({{"op", "join"}, {"room", "chat.one"}});
  ann.ask(publish_to("shut.one"));
  ann.gone();
  settle();
  CHECK(notices.all.empty());
}
