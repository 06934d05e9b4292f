#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

/// Somebody puts something else in the place of a stream while nodes use it.
namespace hubbub::test {
namespace {

using broker::errc;

struct replaced_stream {
  replaced_stream() {
    chat.seen().ready();
    chat.keep("1");
    chat.keep("2");
  }
  /// Nodes make it anew, too: until this one was first.
  void replace_by(const std::string& what) {
    REQUIRE(eventually([&] {
      remove();
      return wire.request("$JS.API.STREAM.CREATE.HUBBUB_chat", "{\"name\":\"HUBBUB_chat\"," + what + "}")
                 .find("error") == std::string::npos;
    }));
  }
  void remove() { wire.request("$JS.API.STREAM.DELETE.HUBBUB_chat"); }

  nats_server server;
  nats_node node{server.url(), {}, often()};
  nats_wire wire{server.port()};
  room_double chat{*node.bus, "chat.1"};
};

TEST_CASE_METHOD(replaced_stream, "nothing is confirmed by a stream that no node can use, or read from it",
                 "[nats]") {
  const auto before = read(*node.bus, after("chat.1", 0)).head.epoch;
  const std::string subjects = R"("subjects":["hubbub.rooms.chat.>"])";
  const std::string republish = R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"})";
  std::string reason;
  SECTION("in memory") {
    replace_by(subjects + R"(,"storage":"memory",)" + republish);
    reason = "is kept in memory";
  }
  if (!wire.changes_republishing())
    SECTION("not republished") {
      replace_by(subjects + R"(,"storage":"file")");
      reason = "does not republish";
    }
  REQUIRE(eventually([&] { return node.bus->health().message.find(reason) != std::string::npos; }));

  for (auto i = 0; i < 5; ++i) { // behind all that there was before, too
    const auto p = chat.publish(chat.event("\"never\""));
    REQUIRE_FALSE(p.stored);
    CHECK(p.refused.why.code == errc::unavailable);
    CHECK(p.refused.why.message.find(reason) != std::string::npos);
    CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
    wire.publish_now("hubbub.rooms.chat.1", "\"nowhere\"");
  }
  const auto refused = read(*node.bus, after("chat.1", 2));
  CHECK(refused.why.code == errc::unavailable);
  CHECK(refused.why.message.find(reason) != std::string::npos);
  room_double late{*node.bus, "chat.1"};
  late.seen().until_unavailable();
  CHECK(late.seen().times_ready() == 0);

  remove();
  REQUIRE(eventually([&] { return node.bus->health().code == errc::ok; }));
  CHECK(late.seen().ready().epoch != before);
  const auto p = late.publish(late.event("3"));
  REQUIRE(p.stored);
  CHECK(p.what.position.epoch == late.seen().ready().epoch);
  CHECK(data_of(read(*node.bus, after("chat.1", 0)).events) == texts{"3"});
}

TEST_CASE_METHOD(replaced_stream, "who reads a stream while it is replaced is told that it began anew",
                 "[nats]") {
  replace_by(R"("subjects":["hubbub.rooms.chat.>"],"storage":"memory",)"
             R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"})");
  REQUIRE(eventually([&] { return node.bus->health().message.find("memory") != std::string::npos; }));
  for (auto i = 0; i < 5; ++i)
    wire.publish_now("hubbub.rooms.chat.1", "\"nowhere\"");
  remove();
  REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
  CHECK(chat.seen().epochs().front().epoch != chat.seen().ready().epoch);
  chat.keep("3");
  CHECK(data_of(chat.seen().events()) == texts{"1", "2", "3"});
}

} // namespace
} // namespace hubbub::test
