#include "tests/cluster/stream_fixture.hpp"

#include <algorithm>
#include <thread>

/// What others do to a stream, and what nodes of other versions made of it.
namespace hubbub::test {
namespace {

using broker::errc;

TEST_CASE_METHOD(stream_fixture, "a namespace's stream is what its policy says", "[nats]") {
  const auto is = stream_info(wire);
  for (const auto* part :
       {R"("subjects":["hubbub.rooms.chat.\u003e"])", R"("max_msgs_per_subject":1000)",
        R"("max_age":3600000000000)", R"("storage":"file")", R"("num_replicas":1)", R"("allow_direct":true)",
        R"("duplicate_window":120000000000)", R"("dest":"hubbub.out.chat.\u003e")", R"("max_msg_size":69632)",
        "hubbub generation=1 policy="}) {
    INFO(part << " in " << is);
    CHECK(is.find(part) != none);
  }
  CHECK(node.bus->promises().storage == "jetstream");
  CHECK(node.bus->promises().sentence.find("one server") != none);
  const auto each = node.bus->promises().namespaces;
  const auto chat = std::ranges::find(each, "chat", &broker::guarantee::kept_namespace::name);
  REQUIRE(chat != each.end());
  CHECK(chat->replicas == 1);
  CHECK(chat->storage == "file");
}

TEST_CASE_METHOD(stream_fixture, "a stream that somebody purges keeps its epoch and shows the gap",
                 "[nats]") {
  room_double chat{*node.bus, "chat.1"};
  const auto head = chat.seen().ready();
  chat.keep("1");
  const auto second = chat.keep("2");
  std::this_thread::sleep_for(300ms); // until a look has seen both
  wire.request("$JS.API.STREAM.PURGE.HUBBUB_chat");
  const auto r = read(*node.bus, after("chat.1", 1));
  CHECK(r.why.code == errc::ok);
  CHECK(r.events.empty());
  CHECK_FALSE(r.complete);
  CHECK(r.head == broker::stream_position{head.epoch, second});
  CHECK(read(*node.bus, after("chat.1", second)).complete);
  const auto third = chat.keep("3");
  CHECK(third > second);
  CHECK(data_of(chat.seen().events()) == texts{"1", "2", "3"});
  CHECK(node.log.says("purged"));
  CHECK(chat.seen().epochs().empty());
}

TEST_CASE_METHOD(stream_fixture, "what somebody takes out of a stream is noticed, and shown as a gap",
                 "[nats]") {
  room_double one{*node.bus, "chat.1"}, two{*node.bus, "chat.2"};
  for (const auto* data : {"1", "2", "3"})
    one.keep(data);
  two.keep("4");
  settle_mark(*node.bus);
  const auto take = [this](const std::string& how) {
    const auto said = wire.request("$JS.API.STREAM.PURGE.HUBBUB_chat", how);
    CHECK(said.find("\"error\"") == none);
    CHECK(node.log.says("no limit took"));
  };
  SECTION("one room's events") {
    take(R"({"filter":"hubbub.rooms.chat.1"})");
    one.keep("5");
    CHECK_FALSE(read(*node.bus, after("chat.1", 2)).complete);
    CHECK(read(*node.bus, after("chat.2", 4)).complete);
    nats_node late{server.url()}; // knows it from the stream
    CHECK_FALSE(read(*late.bus, after("chat.1", 2)).complete);
  }
  SECTION("the oldest") {
    take(R"({"keep":2})");
    CHECK_FALSE(read(*node.bus, after("chat.1", 1)).complete);
    CHECK(read(*node.bus, after("chat.1", 3)).complete);
  }
  CHECK(stream_says("raised=4"));
  CHECK(one.seen().epochs().empty());
}

TEST_CASE_METHOD(stream_fixture, "what limits take out of a stream is nobody's doing", "[nats]") {
  broker::policy few;
  few.history_size = 2;
  remove();
  node.options.generation = 2;
  node.spaces = broker::namespaces{{}, {{"chat", few}}};
  node.open();
  room_double chat{*node.bus, "chat.1"};
  for (auto i = 0; i < 5; ++i) {
    chat.keep(std::to_string(i));
    settle_mark(*node.bus);
  }
  CHECK_FALSE(node.log.has_said("no limit took"));
  CHECK(stream_says("raised=0"));
}

TEST_CASE_METHOD(stream_fixture, "a stream that somebody changes is put right", "[nats]") {
  CHECK(stream_info(wire).find("\"max_msgs_per_subject\":1000") != none);
  auto note = stream_info(wire);
  note = note.substr(note.find("hubbub generation"));
  note = note.substr(0, note.find('"'));
  const auto said = wire.request(
      "$JS.API.STREAM.UPDATE.HUBBUB_chat",
      R"({"name":"HUBBUB_chat","description":")" + note +
          R"(","subjects":["hubbub.rooms.chat.>"],"max_msgs_per_subject":5,"storage":"file","discard":"old",)"
          R"("retention":"limits","num_replicas":1,)"
          R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"}})");
  INFO(said);
  CHECK(said.find("error") == none);
  CHECK(node.log.says("changed by somebody else"));
  CHECK(stream_says("\"max_msgs_per_subject\":1000"));
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
}

TEST_CASE("a purge of a stream that goes on being published to is noticed", "[nats]") {
  nats_server server;
  auto every = often();
  every.canary = 1h; // looks only when it is read
  nats_node node{server.url(), {}, every};
  nats_wire wire{server.port()};
  // What is no event of the room stands before its first one: a read must ask the stream whether it was one.
  wire.publish_now("hubbub.rooms.chat.0", "0");
  const auto look = [&] { static_cast<void>(read(*node.bus, after("chat.1", 0))); };
  wire.publish_now("hubbub.rooms.chat.1", "1");
  wire.publish_now("hubbub.rooms.chat.1", "2");
  look();
  wire.request("hubbub.rooms.chat.1", "3");
  look();
  CHECK_FALSE(node.log.has_said("purged"));
  wire.request("$JS.API.STREAM.PURGE.HUBBUB_chat");
  wire.request("hubbub.rooms.chat.1", "4");
  look();
  CHECK(node.log.says("purged"));
}

TEST_CASE("a room that has many new events was not purged", "[nats]") {
  nats_server server;
  auto every = often();
  every.canary = 1h;
  broker::policy few;
  few.history_size = 2;
  nats_node node{server.url(), few, every};
  nats_wire wire{server.port()};
  // What is no event of the room stands before its first one: a read must ask the stream whether it was one.
  wire.publish_now("hubbub.rooms.chat.0", "0");
  const auto look = [&] { static_cast<void>(read(*node.bus, after("chat.1", 0))); };
  wire.request("hubbub.rooms.chat.1", "1");
  look();
  for (const auto* data : {"2", "3", "4"})
    wire.request("hubbub.rooms.chat.1", data);
  look();
  CHECK_FALSE(node.log.has_said("purged"));
}

TEST_CASE_METHOD(stream_fixture, "what others add to a stream is taken away again", "[nats]") {
  wire.request("$JS.API.STREAM.CREATE.ELSE", R"({"name":"ELSE","subjects":["else.>"],"storage":"file"})");
  const auto config = config_of(stream_info(wire));
  const auto replaced = [&config](const std::string& what, const std::string& by) {
    auto other = config;
    const auto at = other.find(what);
    REQUIRE(at != none);
    return other.replace(at, what.size(), by);
  };
  std::string changed;
  SECTION("a limit of messages") { changed = replaced(R"("max_msgs":-1)", R"("max_msgs":1000)"); }
  SECTION("a limit of bytes") { changed = replaced(R"("max_bytes":-1)", R"("max_bytes":100000)"); }
  SECTION("a source") {
    changed = replaced(R"("max_msgs":-1)", R"("sources":[{"name":"ELSE"}],"max_msgs":-1)");
  }
  SECTION("a subject") { changed = replaced(R"(chat.\u003e"])", R"(chat.\u003e","added.\u003e"])"); }
  const auto said = wire.request("$JS.API.STREAM.UPDATE.HUBBUB_chat", changed);
  INFO(changed << said);
  REQUIRE(said.find("\"error\"") == none);
  CHECK(node.log.says("changed by somebody else"));
  CHECK(stream_says(config.substr(0, config.find(",\"republish\""))));
  REQUIRE(eventually([&] { return node.bus->health().code == errc::ok; }));
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
}

TEST_CASE_METHOD(stream_fixture, "only a newer policy overwrites a stream", "[nats]") {
  broker::policy larger;
  larger.history_size = 2000;
  nats_node newer{server.url()};
  newer.spaces = broker::namespaces{{}, {{"chat", larger}}};
  newer.options.generation = 2;
  newer.open();
  CHECK(stream_says("\"max_msgs_per_subject\":2000"));
  CHECK(node.log.says("newer policy"));
  CHECK(stream_says("\"max_msgs_per_subject\":2000"));
  CHECK(node.bus->health().code == errc::ok);

  // The same generation and another policy: nobody wins, and it is said.
  nats_node other{server.url()};
  larger.history_size = 3000;
  other.spaces = broker::namespaces{{}, {{"chat", larger}}};
  other.options.generation = 2;
  other.open();
  CHECK(other.log.says("another policy of the same generation"));
  CHECK(stream_says("\"max_msgs_per_subject\":2000"));
}

TEST_CASE_METHOD(stream_fixture, "rooms that were once allowed less are not thought complete", "[nats]") {
  broker::policy less, more;
  less.history_size = 2;
  more.history_size = 10;
  remove();
  node.options.generation = 2;
  node.spaces = broker::namespaces{{}, {{"chat", less}}};
  node.open();
  {
    room_double chat{*node.bus, "chat.1"};
    for (auto i = 0; i < 5; ++i)
      chat.keep(std::to_string(i));
  }
  node.options.generation = 3;
  node.spaces = broker::namespaces{{}, {{"chat", more}}};
  node.open();
  CHECK(stream_says("raised=5"));
  // Two are left of five, and now ten may stay.
  CHECK_FALSE(read(*node.bus, after("chat.1", 1)).complete);
  CHECK(read(*node.bus, after("chat.1", 4)).complete);
}

TEST_CASE_METHOD(stream_fixture, "a stream that somebody keeps from answering is put right", "[nats]") {
  wire.request("$JS.API.STREAM.UPDATE.HUBBUB_chat",
               R"({"name":"HUBBUB_chat","subjects":["hubbub.rooms.chat.>"],"no_ack":true,"storage":"file",)"
               R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"}})");
  CHECK(eventually([&] { return stream_info(wire).find(R"("no_ack":true)") == none; }));
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
}

TEST_CASE("two installations share a server without seeing each other", "[nats]") {
  nats_server server;
  nats_node one{server.url()};
  nats_node two{server.url()};
  two.options.prefix = "acme";
  two.bus.reset();
  two.open();
  room_double here{*one.bus, "chat.1"}, there{*two.bus, "chat.1"};
  here.keep("1");
  there.keep("2");
  CHECK(data_of(here.seen().events()) == texts{"1"});
  CHECK(data_of(there.seen().events()) == texts{"2"});
}

TEST_CASE("events grow old, and ids are forgotten", "[nats]") {
  nats_server server;
  broker::policy rules;
  rules.history_age = 400ms;
  rules.dedup_window = 200ms;
  nats_node node{server.url(), rules, often()};
  room_double chat{*node.bus, "chat.1"};
  auto e = chat.event("1");
  e.event_id = "one";
  const auto first = chat.publish(e).what.position.offset;
  CHECK(chat.publish(e).what.duplicate);
  std::this_thread::sleep_for(350ms);
  const auto late = chat.publish(e);
  REQUIRE(late.stored);
  CHECK_FALSE(late.what.duplicate);
  REQUIRE(eventually([&] { return read(*node.bus, after("chat.1", 0)).events.empty(); }));
  const auto r = read(*node.bus, after("chat.1", first));
  CHECK_FALSE(r.complete);
  CHECK(r.head.offset >= late.what.position.offset);
  CHECK(read(*node.bus, after("chat.1", late.what.position.offset)).complete);
  // A room that is opened now begins behind all that ever was.
  room_double again{*node.bus, "chat.1"};
  CHECK(again.seen().ready().offset >= late.what.position.offset);
}

} // namespace
} // namespace hubbub::test
