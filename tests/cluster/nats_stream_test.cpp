#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

/// What others do to a stream, and what nodes of other versions made of it.
namespace hubbub::test {
namespace {

using broker::errc;

constexpr auto none = std::string::npos;

std::string config_of(const std::string& info) {
  const auto begin = info.find("\"config\":") + 9;
  return info.substr(begin, info.find(",\"created\"") - begin);
}

struct stream_fixture {
  explicit stream_fixture(broker::policy rules = {}) : node{server.url(), rules, often()} {}

  bool stream_says(const std::string& part) {
    return eventually([&] { return stream_info(wire).find(part) != none; });
  }
  /// Without a node: as somebody else does.
  std::string make(const std::string& what) {
    return wire.request("$JS.API.STREAM.CREATE.HUBBUB_chat", "{\"name\":\"HUBBUB_chat\"," + what + "}");
  }
  void remove() { wire.request("$JS.API.STREAM.DELETE.HUBBUB_chat"); }
  /// With all that is written on it.
  void make_again_as_it_was() {
    const auto config = config_of(stream_info(wire));
    remove();
    const auto said = wire.request("$JS.API.STREAM.CREATE.HUBBUB_chat", config);
    INFO(said);
    REQUIRE(said.find("\"error\"") == none);
  }

  nats_server server;
  nats_node node;
  nats_wire wire{server.port()};
};

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

TEST_CASE_METHOD(stream_fixture, "a stream that somebody deletes is made again, in another epoch", "[nats]") {
  room_double chat{*node.bus, "chat.1"};
  const auto head = chat.seen().ready();
  chat.keep("1");
  chat.keep("2");
  remove();
  REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
  CHECK(chat.seen().epochs().front().epoch != head.epoch);
  CHECK(node.log.says("begun anew"));
  const auto p = chat.publish(chat.event("3"));
  REQUIRE(p.stored);
  CHECK(p.what.position.epoch == chat.seen().epochs().front().epoch);
  CHECK(p.what.position.offset == 1);
  chat.seen().until_events(3);
  CHECK(data_of(read(*node.bus, after("chat.1", 0)).events) == texts{"3"});
  CHECK(node.bus->health().code == errc::ok);
}

TEST_CASE_METHOD(stream_fixture, "which stream it is stands on it, whatever time of creation servers tell",
                 "[nats]") {
  const auto epoch = read(*node.bus, after("chat.1", 0)).head.epoch;
  node.bus.reset();
  make_again_as_it_was();
  node.open();
  CHECK(read(*node.bus, after("chat.1", 0)).head.epoch == epoch);
  CHECK_FALSE(node.log.has_said("changed by somebody else"));
}

TEST_CASE_METHOD(stream_fixture,
                 "a stream of somebody else's is the same when it is written on it which it is", "[nats]") {
  node.bus.reset();
  remove();
  make(R"("subjects":["hubbub.rooms.chat.>"],"storage":"file",)"
       R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"})");
  node.open();
  const auto epoch = read(*node.bus, after("chat.1", 0)).head.epoch;
  CHECK(stream_says(" id="));
  node.open();
  CHECK(read(*node.bus, after("chat.1", 0)).head.epoch == epoch);
  CHECK_FALSE(node.log.has_said("begun anew"));
}

TEST_CASE("a stream that was made again as it was, and much later, has another epoch", "[nats]") {
  stream_fixture t;
  t.node.bus.reset();
  t.node.options.every.canary = 1h; // looks only when it is read
  SECTION("much later") {
    t.node.options.every.made_again = 1ms;
    t.node.open();
    room_double chat{*t.node.bus, "chat.1"};
    const auto head = chat.seen().ready();
    t.make_again_as_it_was();
    static_cast<void>(read(*t.node.bus, after("chat.2", 0)));
    REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
    CHECK(chat.seen().epochs().front().epoch != head.epoch);
    CHECK(t.node.log.says("made again as it was"));
  }
  SECTION("as soon as nodes make one that do so at once") {
    t.node.open();
    const auto epoch = read(*t.node.bus, after("chat.1", 0)).head.epoch;
    t.make_again_as_it_was();
    CHECK(read(*t.node.bus, after("chat.1", 0)).head.epoch == epoch);
  }
}

TEST_CASE("nodes that make a stream at once find the same one", "[nats]") {
  nats_server server;
  std::array<nats_node, 4> nodes;
  std::vector<std::thread> opening;
  for (auto& node : nodes) {
    node.options.servers = {server.url()};
    opening.emplace_back([&node] { node.open(); });
  }
  for (auto& one : opening)
    one.join();
  std::set<std::string> epochs;
  for (auto& node : nodes)
    epochs.insert(read(*node.bus, after("chat.1", 0)).head.epoch);
  CHECK(epochs.size() == 1);
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

TEST_CASE_METHOD(stream_fixture, "a stream that somebody keeps from answering is put right", "[nats]") {
  wire.request("$JS.API.STREAM.UPDATE.HUBBUB_chat",
               R"({"name":"HUBBUB_chat","subjects":["hubbub.rooms.chat.>"],"no_ack":true,"storage":"file",)"
               R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"}})");
  CHECK(eventually([&] { return stream_info(wire).find(R"("no_ack":true)") == none; }));
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
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
