#include "cluster/node_message.hpp"
#include "tests/cluster/newer_messages.capnp.h"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <random>

namespace hubbub::test {
namespace {

using cluster::decode_live;
using cluster::encode_live;

std::shared_ptr<broker::stored_event> event(std::string data, std::string id = "1") {
  auto e = std::make_shared<broker::stored_event>();
  e->room = room("live.1");
  e->data = std::move(data);
  e->event_id = std::move(id);
  return e;
}

cluster::live_batch batch(std::vector<std::shared_ptr<broker::stored_event>> events) {
  return {"node", "life", 7, std::move(events)};
}

std::optional<cluster::live_batch> decode(std::string_view bytes) {
  return decode_live(bytes, room("live.1"));
}

std::string flat_bytes(capnp::MessageBuilder& m) {
  const auto words = capnp::messageToFlatArray(m);
  const auto flat = words.asChars();
  return {flat.begin(), flat.size()};
}

TEST_CASE("what one node says of a live room another one understands", "[node_message]") {
  auto e = event(R"({"x":1})", "id");
  e->type = "moved";
  e->key = "k";
  e->from = "J\xc3\xbcrgen \"the\" \x01";
  e->time_ms = 12'345;
  e->excluded.value = 0xfedcba9876543210;
  auto raw = event("aGVsbG8=", "2");
  raw->encoding = broker::data_encoding::base64;
  const auto b = decode(encode_live(batch({e, raw})));
  REQUIRE(b);
  CHECK(b->node == "node");
  CHECK(b->incarnation == "life");
  CHECK(b->first == 7);
  REQUIRE(b->events.size() == 2);
  REQUIRE(b->events[0]);
  const auto& got = *b->events[0];
  CHECK(got.room == e->room);
  CHECK(got.data == e->data);
  CHECK(got.type == e->type);
  CHECK(got.key == e->key);
  CHECK(got.from == e->from);
  CHECK(got.event_id == e->event_id);
  CHECK(got.time_ms == e->time_ms);
  CHECK(got.excluded == e->excluded);
  REQUIRE(b->events[1]);
  CHECK(b->events[1]->encoding == broker::data_encoding::base64);
  CHECK(b->events[1]->data == "aGVsbG8=");
}

TEST_CASE("a message may stand at any address", "[node_message]") {
  const auto bytes = encode_live(batch({event("1")}));
  std::vector<char> place(bytes.size() + 16);
  for (std::size_t at = 0; at < 8; ++at) {
    std::memcpy(place.data() + at, bytes.data(), bytes.size());
    const auto b = decode({place.data() + at, bytes.size()});
    REQUIRE(b);
    CHECK(b->events.size() == 1);
  }
}

TEST_CASE("a message that was cut off or garbled is none, or less", "[node_message]") {
  const auto bytes = encode_live(batch({event("1"), event(R"({"a":[1,2,3]})", "2")}));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode({bytes.data(), size}));
  std::mt19937 random{1};
  for (auto i = 0; i < 20'000; ++i) {
    auto garbled = bytes;
    for (auto n = random() % 4; n < 4; ++n)
      garbled[random() % garbled.size()] = static_cast<char>(random());
    if (const auto b = decode(garbled))
      for (const auto& e : b->events)
        if (e) {
          CHECK_FALSE(e->event_id.empty());
          CHECK(e->data.find('\n') == std::string::npos);
        }
  }
}

TEST_CASE("what would not be an event is not made one", "[node_message]") {
  const auto first_of = [](std::shared_ptr<broker::stored_event> e) {
    const auto b = decode(encode_live(batch({std::move(e), event("2", "2")})));
    REQUIRE(b);
    REQUIRE(b->events.size() == 2);
    CHECK(b->events[1]); // the others are not lost for it
    return b->events[0];
  };
  CHECK(first_of(event("1")));
  CHECK_FALSE(first_of(event("hello")));
  CHECK_FALSE(first_of(event("")));
  CHECK_FALSE(first_of(event("1,\"op\":\"goodbye\"")));
  CHECK_FALSE(first_of(event("[1,\n2]")));
  CHECK_FALSE(first_of(event("\"\xc3\x28\"")));
  CHECK_FALSE(first_of(event("1", "")));
  CHECK_FALSE(first_of(event("1", std::string(129, 'x'))));
  CHECK_FALSE(first_of(event("1", "a\nb")));
  auto e = event("\",\"op\":\"x");
  e->encoding = broker::data_encoding::base64;
  CHECK_FALSE(first_of(e));
  e = event("1");
  e->type = "\x7f";
  CHECK_FALSE(first_of(e));
  e = event("1");
  e->from = "\xff";
  CHECK_FALSE(first_of(e));
}

TEST_CASE("an older node understands what a newer one says", "[node_message]") {
  capnp::MallocMessageBuilder m;
  auto root = m.initRoot<newer::NodeMessage>();
  root.setSchema(9);
  root.initSignature(64);
  auto live = root.initLiveEvents();
  live.setNode("n");
  live.setIncarnation("i");
  live.setFirst(3);
  live.setSentAt(1);
  live.initPath(2).set(0, "a");
  auto events = live.initEvents(2);
  for (auto e : events) {
    e.setType("t");
    e.setData({reinterpret_cast<const capnp::byte*>("[1]"), 3});
    e.setEventId("id");
    e.setSchemaName("new");
    e.setPriority(1);
  }
  events[1].setEncoding(newer::Encoding::CBOR);
  const auto b = decode(flat_bytes(m));
  REQUIRE(b);
  CHECK(b->first == 3);
  REQUIRE(b->events.size() == 2);
  REQUIRE(b->events[0]);
  CHECK(b->events[0]->data == "[1]");
  CHECK(b->events[0]->type == "t");
  // An encoding that it does not have: lost, and known to be.
  CHECK_FALSE(b->events[1]);
}

TEST_CASE("what a newer node says in new words is passed over", "[node_message]") {
  capnp::MallocMessageBuilder m;
  m.initRoot<newer::NodeMessage>().setGossip("hello");
  CHECK_FALSE(decode(flat_bytes(m)));
}

TEST_CASE("a newer node understands what an older one says", "[node_message]") {
  const auto bytes = encode_live(batch({event("1")}));
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), bytes.data(), bytes.size());
  capnp::FlatArrayMessageReader reader{words};
  const auto root = reader.getRoot<newer::NodeMessage>();
  REQUIRE(root.isLiveEvents());
  const auto live = root.getLiveEvents();
  CHECK(live.getSentAt() == 0);
  REQUIRE(live.getEvents().size() == 1);
  CHECK(live.getEvents()[0].getPriority() == 5);
}

} // namespace
} // namespace hubbub::test
