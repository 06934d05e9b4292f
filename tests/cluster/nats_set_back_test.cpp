#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <optional>

namespace hubbub::test {
namespace {

using broker::errc;

/// A server that has lost what was published last, and a node that knows it.
struct set_back_server {
  /// `generation`: of who has configured its stream, and is no more.
  explicit set_back_server(broker::milliseconds between_looks, std::uint64_t generation = 1) {
    if (generation != node.options.generation) {
      nats_node newer;
      newer.options.servers = {server.url()};
      newer.options.generation = generation;
      newer.open();
    }
    node.options.servers = {server.url()};
    node.options.every.canary = between_looks;
    node.open();
    chat.emplace(*node.bus, "chat.1");
    chat->keep("1");
    server.kill();
    server.save();
    server.start();
    for (const auto* data : {"2", "3"})
      REQUIRE(eventually([&] { return chat->publish(chat->event(data)).stored; }));
    server.kill();
    server.set_back();
    server.start();
    REQUIRE(eventually([&] { return reads(); }));
  }
  /// A read that has to look at the stream.
  bool reads() { return read(*node.bus, after("chat.1", 0)).why.code == errc::ok; }

  nats_server server;
  nats_node node;
  std::optional<room_double> chat;
};

TEST_CASE("a stream that was set back has another epoch", "[nats]") {
  set_back_server t{50ms};
  REQUIRE(eventually([&] { return !t.chat->seen().epochs().empty(); }));
  CHECK(t.node.log.says("was set back"));
  CHECK(t.chat->seen().epochs().front().epoch != t.chat->seen().ready().epoch);
  CHECK(t.chat->seen().epochs().front().offset == 1);
}

TEST_CASE("a stream that was set back has another epoch where a newer node has configured it", "[nats]") {
  set_back_server t{50ms, 2};
  REQUIRE(eventually([&] { return !t.chat->seen().epochs().empty(); }));
  CHECK(t.node.log.says("was set back"));
  nats_wire wire{t.server.port()};
  CHECK(stream_info(wire).find("generation=2") != std::string::npos);
}

TEST_CASE("a stream is not thought to be set back by what many looks find in one moment", "[nats]") {
  set_back_server t{1h};
  for (auto i = 0; i < 10; ++i)
    CHECK(t.reads());
  CHECK_FALSE(t.node.log.has_said("was set back"));
  CHECK(t.chat->seen().epochs().empty());
}

} // namespace
} // namespace hubbub::test
