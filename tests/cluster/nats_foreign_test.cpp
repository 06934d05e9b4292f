#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

/// What anybody may publish: never a crash, never a wrong event.
namespace hubbub::test {
namespace {

struct foreign_fixture {
  foreign_fixture() { chat.seen().ready(); }

  /// The event that a message of others' becomes, delivered and read.
  broker::stored_event_ptr event_of(std::string_view data, const std::string& headers = {}) {
    const auto before = chat.seen().events().size();
    wire.publish_now("hubbub.rooms.chat.1", data, headers);
    chat.seen().until_events(before + 1);
    auto e = chat.seen().events().back();
    const auto kept = read(*node.bus, after("chat.1", e->offset - 1)).events;
    REQUIRE(kept.size() == 1);
    CHECK(kept.front()->data == e->data);
    CHECK(kept.front()->encoding == e->encoding);
    CHECK(kept.front()->event_id == e->event_id);
    CHECK(kept.front()->type == e->type);
    CHECK(kept.front()->key == e->key);
    CHECK(kept.front()->from == e->from);
    CHECK(kept.front()->log_time_ms() > 1'700'000'000'000);
    return e;
  }

  nats_server server;
  nats_node node{server.url()};
  room_double chat{*node.bus, "chat.1"};
  nats_wire wire{server.port()};
};

TEST_CASE_METHOD(foreign_fixture, "a backend's plain message is an event", "[nats]") {
  const auto e = event_of(R"({"text":"hello"})");
  CHECK(e->data == R"({"text":"hello"})");
  CHECK(e->encoding == broker::data_encoding::json);
  CHECK(e->type == "message");
  CHECK(e->event_id == chat.seen().ready().epoch + "-1");
  CHECK(e->from.empty());
  CHECK(e->time_ms > 1'700'000'000'000);
}

TEST_CASE_METHOD(foreign_fixture, "a backend may say what it is in headers", "[nats]") {
  const auto e = event_of("1", "Hubbub-Type: order\r\nHubbub-Key:k 1  \r\nHubbub-Id: a-1\r\n"
                               "Hubbub-Time: 12345\r\nHubbub-From: J\xc3\xbcrgen\r\nElse: x\r\n");
  CHECK(e->type == "order");
  CHECK(e->key == "k 1");
  CHECK(e->event_id == "a-1");
  CHECK(e->time_ms == 12345);
  CHECK(e->log_time_ms() > 1'700'000'000'000); // its age is not what its producer says
  CHECK(e->from == "J\xc3\xbcrgen");
}

TEST_CASE_METHOD(foreign_fixture, "what is no JSON value in UTF-8 is base64", "[nats]") {
  using namespace std::string_literals;
  for (const auto& [data, text] : std::vector<std::pair<std::string, std::string>>{
           {"hello", "aGVsbG8="},
           {"", ""},
           {"\0\xff\r\n"s, "AP8NCg=="},
           {"{\"a\":1} 2", "eyJhIjoxfSAy"},
           {"\"\xc3\x28\"", "IsMoIg=="},
           // What would forge frames if it were taken as it is.
           {"1,\"op\":\"goodbye\"", "MSwib3AiOiJnb29kYnllIg=="}}) {
    const auto e = event_of(data);
    CHECK(e->encoding == broker::data_encoding::base64);
    CHECK(e->data == text);
  }
  CHECK(node.log.says("no JSON value"));
  const auto pretended = event_of("\",\"op\":\"x", "Hubbub-Encoding: base64\r\n");
  CHECK(pretended->encoding == broker::data_encoding::base64);
  CHECK(pretended->data == cluster::to_base64("\",\"op\":\"x"));
}

TEST_CASE_METHOD(foreign_fixture, "JSON on many lines comes on one", "[nats]") {
  const auto e = event_of("{\r\n  \"a\": \"b c\\n\",\n  \"d\": [1,\n 2]\n}\n");
  CHECK(e->encoding == broker::data_encoding::json);
  CHECK(e->data == R"({"a":"b c\n","d":[1,2]})");
}

TEST_CASE_METHOD(foreign_fixture, "headers that are rubbish are passed over", "[nats]") {
  const auto e =
      event_of("1", "Hubbub-Type: a\x01"
                    "b\r\nHubbub-Id: " +
                        std::string(200, 'x') +
                        "\r\nHubbub-Key: \xff\xfe\r\nHubbub-Time: soon\r\nHubbub-From: \xc3\x28\r\n"
                        "no colon at all\r\n: nothing\r\nHubbub-Except: nobody\r\n");
  CHECK(e->type == "message");
  CHECK(e->event_id == chat.seen().ready().epoch + "-1");
  CHECK(e->key.empty());
  CHECK(e->from.empty());
  CHECK(e->time_ms > 1'700'000'000'000);
  CHECK_FALSE(e->excluded);
  CHECK(node.log.says("not printable"));
  // Escaped line breaks are what they are in a user's name, and nothing more.
  CHECK(event_of("2", "Hubbub-From: a%0D%0Ab%2\r\n")->from == "a\r\nb%2");
  CHECK(event_of("3", "Hubbub-Type: a%0D%0Ab\r\n")->type == "message");
}

TEST_CASE_METHOD(foreign_fixture, "a producer cannot claim a place in the log", "[nats]") {
  event_of("1");
  const auto e = event_of("2", "Nats-Sequence: 999999\r\nNats-Last-Sequence: 7\r\nNats-Stream: X\r\n");
  CHECK(e->offset == 2);
  CHECK(e->previous == 1);
  // Past the stream, straight to those who listen.
  wire.publish_now("hubbub.out.chat.1", "3");
  wire.publish_now("hubbub.out.chat.1", "4", "Nats-Sequence: 5\r\nNats-Stream: other\r\n");
  CHECK(node.log.says("not republished"));
  CHECK(event_of("5")->offset == 3);
  CHECK(chat.seen().events().size() == 3);
}

TEST_CASE_METHOD(foreign_fixture, "who claims a place that the log has not reached makes no room deaf",
                 "[nats]") {
  const auto offset = event_of("1")->offset;
  const auto claim = [this](const std::string& place) {
    wire.publish_now("hubbub.out.chat.1", "\"forged\"",
                     "Nats-Stream: HUBBUB_chat\r\nNats-Sequence: " + place + "\r\n");
  };
  // No log gets there.
  for (const auto* place : {"18446744073709551615", "9007199254740992", "0", "-5"})
    claim(place);
  REQUIRE(eventually([&] { return node.bus->figures().foreign == 4; }));
  CHECK(event_of("2")->offset == offset + 1);
  CHECK(chat.seen().events().size() == 2);

  claim("1000");
  chat.seen().until_events(3);
  CHECK(chat.publish(chat.event("3")).stored); // not heard of, so readers are told to look
  REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
  CHECK(chat.seen().epochs().front() == broker::stream_position{chat.seen().ready().epoch, offset + 2});
  CHECK(node.log.says("has not reached"));
  CHECK(node.bus->figures().foreign == 5);
  CHECK(event_of("4")->offset == offset + 3);
  CHECK(chat.seen().epochs().size() == 1);
}

TEST_CASE_METHOD(foreign_fixture, "a time that JSON cannot say is passed over", "[nats]") {
  CHECK(event_of("1", "Hubbub-Time: 9007199254740991\r\n")->time_ms == 9'007'199'254'740'991);
  const auto e = event_of("2", "Hubbub-Time: 9223372036854775807\r\n");
  CHECK(e->time_ms > 1'700'000'000'000);
  CHECK(e->time_ms < 9'007'199'254'740'991);
}

TEST_CASE_METHOD(foreign_fixture, "a subject that is no room's name is counted, and no event", "[nats]") {
  wire.publish_now("hubbub.rooms.chat.a$b", "1");
  REQUIRE(eventually([&] { return node.bus->figures().foreign == 1; }));
  CHECK(node.log.says("no room's name"));
  event_of("2");
  CHECK(chat.seen().events().size() == 1);
  CHECK(node.bus->figures().foreign == 1);
}

TEST_CASE_METHOD(foreign_fixture, "what a client says survives the way through headers", "[nats]") {
  auto e = chat.event("1");
  e.from = " 100% \r\nHubbub-Type: forged\r\n\xf0\x9f\x98\x80 ";
  e.type = " %41 ";
  e.key = "a: b";
  e.event_id = "%";
  const auto p = chat.publish(e);
  REQUIRE(p.stored);
  const auto kept = read(*node.bus, after("chat.1", 0)).events;
  REQUIRE(kept.size() == 1);
  for (const auto& x : {chat.seen().events().front(), kept.front()}) {
    CHECK(x->from == e.from);
    CHECK(x->type == e.type);
    CHECK(x->key == e.key);
    CHECK(x->event_id == e.event_id);
  }
}

TEST_CASE_METHOD(foreign_fixture, "no client can take another's id first", "[nats]") {
  auto mine = chat.event("1");
  mine.event_id = "a";
  mine.from = "ann";
  // As JetStream would recognise it if ids were used as they are.
  wire.publish_now("hubbub.rooms.chat.1", "0", "Nats-Msg-Id: a\r\n");
  auto hers = mine;
  hers.from = "eve";
  CHECK_FALSE(chat.publish(hers).what.duplicate);
  CHECK_FALSE(chat.publish(mine).what.duplicate);
  CHECK(chat.publish(mine).what.duplicate);
}

TEST_CASE_METHOD(foreign_fixture, "what is too large is refused, by node and stream", "[nats]") {
  const auto p = chat.publish(chat.event('"' + std::string(65'536, 'x') + '"'));
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.why.code == broker::errc::too_large);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
  CHECK(wire.request("hubbub.rooms.chat.1", std::string(80'000, 'x')).find("exceeds maximum") !=
        std::string::npos);
  CHECK(event_of('"' + std::string(65'000, 'x') + '"')->offset == 1);
}

} // namespace
} // namespace hubbub::test
