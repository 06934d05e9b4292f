#include "tests/cluster/stream_fixture.hpp"

/// Streams that no node can use, and says so.
namespace hubbub::test {
namespace {

using broker::errc;

TEST_CASE_METHOD(stream_fixture, "a stream in memory is refused by name", "[nats]") {
  node.bus.reset();
  remove();
  make(R"("subjects":["hubbub.rooms.chat.>"],"storage":"memory")");
  const auto bus = node.try_open();
  REQUIRE_FALSE(bus.has_value());
  CHECK(bus.error().message.find("stream HUBBUB_chat is kept in memory") == 0);
}

TEST_CASE_METHOD(stream_fixture, "a stream that takes other subjects is refused by name", "[nats]") {
  node.bus.reset();
  remove();
  make(R"("subjects":["else.>"],"storage":"file")");
  const auto bus = node.try_open();
  REQUIRE_FALSE(bus.has_value());
  CHECK(bus.error().message == "stream HUBBUB_chat takes else.> and not hubbub.rooms.chat.>");
}

TEST_CASE_METHOD(stream_fixture,
                 "a stream that is not republished as it should be is put right, or refused by name",
                 "[nats]") {
  node.bus.reset();
  const auto chat = [this](const std::string& republish) {
    remove();
    make(R"("subjects":["hubbub.rooms.chat.>"],"storage":"file")" + republish);
    const auto bus = node.try_open();
    return bus ? "opened" : bus.error().message;
  };
  const auto from_to = [](const std::string& to) {
    return R"(,"republish":{"src":"hubbub.rooms.chat.>","dest":")" + to + "}";
  };
  for (const auto& other :
       {std::string{}, from_to(R"(else.>")"), from_to(R"(hubbub.out.chat.>","headers_only":true)")}) {
    INFO(other);
    const auto said = chat(other);
    if (wire.changes_republishing()) {
      CHECK(said == "opened");
      const auto is = stream_info(wire);
      CHECK(is.find(R"("republish":{"src":"hubbub.rooms.chat.\u003e","dest":"hubbub.out.chat.\u003e"})") !=
            none);
      continue;
    }
    CHECK(said == "stream HUBBUB_chat does not republish its messages from hubbub.rooms.chat.> to "
                  "hubbub.out.chat.>, so that no node would hear of them: delete it, and a node makes it "
                  "anew");
  }
  // One that is, is taken over, whatever else is wrong with it.
  CHECK(chat(from_to(R"(hubbub.out.chat.>")") + R"(,"no_ack":true,"discard":"new")") == "opened");
  const auto is = stream_info(wire);
  CHECK(is.find(R"("no_ack":true)") == none);
  CHECK(is.find(R"("discard":"old")") != none);
  remove();
  node.open();
  CHECK(node.bus->health().code == errc::ok);
}

TEST_CASE_METHOD(stream_fixture, "a stream that drops what was read is refused by name", "[nats]") {
  node.bus.reset();
  for (const std::string retention : {"workqueue", "interest"}) {
    remove();
    make(R"("subjects":["hubbub.rooms.chat.>"],"storage":"file","retention":")" + retention + "\"");
    const auto bus = node.try_open();
    REQUIRE_FALSE(bus.has_value());
    CHECK(bus.error().message ==
          "stream HUBBUB_chat has retention " + retention +
              ", which drops events that somebody has read: delete it, and a node makes it "
              "anew");
  }
}

TEST_CASE_METHOD(stream_fixture, "a mirror is refused by name", "[nats]") {
  node.bus.reset();
  remove();
  wire.request("$JS.API.STREAM.CREATE.ELSE", R"({"name":"ELSE","subjects":["else.>"],"storage":"file"})");
  make(R"("mirror":{"name":"ELSE"},"storage":"file")");
  const auto bus = node.try_open();
  REQUIRE_FALSE(bus.has_value());
  CHECK(bus.error().message == "stream HUBBUB_chat is a mirror of ELSE, to which nothing can be published: "
                               "delete it, and a node makes "
                               "it anew");
}

TEST_CASE_METHOD(stream_fixture, "a stream that somebody seals is named until it is gone", "[nats]") {
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  wire.request("$JS.API.STREAM.UPDATE.HUBBUB_chat",
               R"({"name":"HUBBUB_chat","subjects":["hubbub.rooms.chat.>"],"sealed":true,"storage":"file",)"
               R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"}})");
  const std::string sealed =
      "stream HUBBUB_chat is sealed, and takes nothing any more: delete it, and a node "
      "makes it anew";
  CHECK(eventually([&] { return node.bus->health().message == sealed; }));
  nats_node other;
  other.options.servers = {server.url()};
  const auto bus = other.try_open();
  REQUIRE_FALSE(bus.has_value());
  CHECK(bus.error().message == sealed);
  remove();
  CHECK(eventually([&] { return node.bus->health().code == errc::ok; }));
  chat.keep("2");
}

TEST_CASE("an account without JetStream is refused in a sentence that names the server", "[nats]") {
  nats_server server{"accounts { A { users: [ { user: ann, password: secret } ] } }"};
  nats_node node;
  node.options.servers = {"nats://ann:secret@127.0.0.1:" + std::to_string(server.port())};
  const auto bus = node.try_open();
  REQUIRE_FALSE(bus.has_value());
  INFO(bus.error().message);
  CHECK(bus.error().message.find("JetStream") != none);
  CHECK(bus.error().message.find(server.url()) != none);
  CHECK(bus.error().message.find("secret") == none);
}

TEST_CASE_METHOD(stream_fixture, "a namespace that is not declared is refused by name", "[nats]") {
  room_double other{*node.bus, "other.1"};
  other.seen().until_unavailable();
  const auto p = other.publish(other.event("1"));
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.why.message.find("`other` is not declared") != none);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
  CHECK(read(*node.bus, after("other.1", 0)).why.message.find("`other`") != none);
}

} // namespace
} // namespace hubbub::test
