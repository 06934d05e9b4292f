#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/cluster/nats_trio.hpp"
#include "tests/support/catch.hpp"

/// Another server leads a stream, and nobody's connection notices.
namespace hubbub::test {
namespace {

using broker::errc;

TEST_CASE("what a stream's former leader never republished is found when it has a new one", "[nats]") {
  nats_trio nats;
  auto& first = *nats.servers.front();
  lossy_proxy proxy{first.port()};
  nats_node node;
  node.options.servers = {proxy.url()};
  node.options.replicas = 3;
  node.options.timeout = 2s;
  // Nothing else finds it, and no look comes between what is done below.
  node.options.every.burst = node.options.every.round = 1h;
  node.options.every.canary = 2s;
  node.options.every.canary_late = 1h;
  REQUIRE(eventually([&] { // they have to choose a leader first
    auto made = node.try_open();
    if (made)
      node.bus = std::move(*made);
    return made.has_value();
  }));
  room_double quiet{*node.bus, "chat.quiet"}, other{*node.bus, "chat.other"};
  for (auto* r : {&quiet, &other})
    r->seen().ready();
  // Its answer comes behind a look, which tells who leads.
  REQUIRE(eventually([&] { return read(*node.bus, after("chat.quiet", 0)).why.code == errc::ok; }));

  nats_wire wire{first.port()};
  proxy.lose("hubbub.out.", "lost");
  REQUIRE(wire.request("hubbub.rooms.chat.quiet", "\"lost\"").find("\"seq\":1") != std::string::npos);
  REQUIRE(eventually([&] { return proxy.lost() == 1; }));
  proxy.lose_nothing();
  const auto said = wire.request("$JS.API.STREAM.LEADER.STEPDOWN.HUBBUB_chat");
  INFO(said);
  REQUIRE(said.find("\"success\":true") != std::string::npos);
  CHECK(eventually([&] { return quiet.seen().events().size() == 1; }));
  CHECK(node.log.has_said("the stream has a new leader"));
  CHECK_FALSE(node.log.has_said("is lost"));
  CHECK(data_of(quiet.seen().events()) == texts{"\"lost\""});
  CHECK(proxy.lost() == 1);
  CHECK(other.seen().events().empty());

  // It is the same log, also to who looks while there is no leader, or one that has only begun.
  nats_node curious;
  curious.options = node.options;
  curious.options.servers = {first.url()};
  curious.options.every.canary = curious.options.every.round = 20ms;
  REQUIRE(eventually([&] {
    auto made = curious.try_open();
    if (made)
      curious.bus = std::move(*made);
    return made.has_value();
  }));
  room_double busy{*curious.bus, "chat.busy"};
  for (auto i = 0; i < 3; ++i) {
    wire.request("$JS.API.STREAM.LEADER.STEPDOWN.HUBBUB_chat");
    for (auto j = 0; j < 5; ++j)
      REQUIRE(eventually([&] { return busy.publish(busy.event(std::to_string(i))).stored; }));
  }
  for (auto* r : {&quiet, &other, &busy})
    CHECK(r->seen().epochs().empty());
}

} // namespace
} // namespace hubbub::test
