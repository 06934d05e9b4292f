#include "broker/revoked_list.hpp"
#include "cluster/nats_revocations.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/cluster/nats_trio.hpp"
#include "tests/support/catch.hpp"

/// How many servers keep what is no namespace's.
namespace hubbub::test {
namespace {

using broker::errc;

constexpr auto canary_name = "HUBBUB=canary";

/// Without retained namespaces: nothing but the canary needs JetStream.
void make_live_only(nats_node& node, const std::string& url, std::uint32_t replicas) {
  broker::policy live;
  live.kind = broker::room_kind::live;
  node.spaces = broker::namespaces{{}, {{"live", live}}};
  node.options.servers = {url};
  node.options.every = often();
  node.options.every.configuration = 100ms;
  node.options.replicas = replicas;
}

TEST_CASE("the canary and the revocations come to as many servers as are told", "[nats]") {
  nats_trio nats;
  const auto url = nats.servers.front()->url();
  nats_wire wire{nats.servers.front()->port()};
  const auto kept_by = [&](const std::string& stream, int servers) {
    return eventually([&] {
      return stream_info(wire, stream).find("\"num_replicas\":" + std::to_string(servers)) !=
             std::string::npos;
    });
  };
  broker::system_clock time;
  recording_log log;
  broker::revoked_list list{24h, time};
  const auto opens = [&](nats_node& node) {
    return eventually([&] { // they have to choose a leader first
      auto bus = node.try_open();
      if (bus)
        node.bus = std::move(*bus);
      return bus.has_value() && cluster::open_nats_revocations(node.options, list, time, log).has_value();
    });
  };
  nats_node one;
  make_live_only(one, url, 1);
  REQUIRE(opens(one));
  REQUIRE(kept_by(canary_name, 1));
  REQUIRE(kept_by("KV_hubbub_revocations", 1));

  nats_node three;
  make_live_only(three, url, 3);
  REQUIRE(opens(three));
  CHECK(kept_by(canary_name, 3));
  CHECK(kept_by("KV_hubbub_revocations", 3));
  // The other node is not told yet, and has looked since.
  one.bus.reset();
  REQUIRE(opens(one));
  REQUIRE(eventually([&] { return one.bus->health().code == errc::ok; }));
  CHECK(kept_by(canary_name, 3));
  CHECK(kept_by("KV_hubbub_revocations", 3));
}

TEST_CASE("a server that refuses the canary's stream is quoted in the log", "[nats]") {
  nats_server server;
  nats_node node;
  std::string said;
  SECTION("as it is made") {
    make_live_only(node, server.url(), 3);
    said = "replicas > 1 not supported in non-clustered mode";
  }
  SECTION("as it is changed") {
    nats_wire wire{server.port()};
    wire.request(std::string{"$JS.API.STREAM.CREATE."} + canary_name,
                 R"({"name":"HUBBUB=canary","subjects":["hubbub.canary.>"],"storage":"memory"})");
    make_live_only(node, server.url(), 1);
    said = "stream configuration update can not change storage type";
  }
  node.open();
  CHECK(node.log.says("the canary's stream could not be configured: " + said));
}

TEST_CASE("a canary's stream that somebody changes is put right", "[nats]") {
  nats_server server;
  nats_node node;
  make_live_only(node, server.url(), 1);
  node.open();
  nats_wire wire{server.port()};
  const auto is_right = [&] {
    return stream_info(wire, canary_name).find("\"max_age\":60000000000") != std::string::npos;
  };
  REQUIRE(eventually(is_right));
  wire.request(std::string{"$JS.API.STREAM.UPDATE."} + canary_name,
               R"({"name":"HUBBUB=canary","subjects":["hubbub.canary.>"],"max_age":120000000000,)"
               R"("republish":{"src":"hubbub.canary.>","dest":"hubbub.canary-out.>"},"storage":"file"})");
  CHECK(eventually(is_right));
}

} // namespace
} // namespace hubbub::test
