#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <optional>
#include <string>

namespace hubbub::test {

TEST_CASE("a server sends a node nothing of a room that nobody wants there", "[nats]") {
  const std::string name = GENERATE("chat.1", "live.1");
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node{proxy.url()};
  nats_wire wire{server.port()};
  proxy.lose("hubbub.", "looked for"); // so each that the server sends is counted
  const auto sent = [&] {
    const auto before = proxy.lost();
    wire.publish_now("hubbub.rooms." + name, "\"looked for\"");
    settle_mark(*node.bus); // behind it
    return proxy.lost() - before;
  };
  CHECK(sent() == 0);
  std::optional<room_double> room;
  room.emplace(*node.bus, name);
  room->seen().ready();
  CHECK(eventually([&] { return sent() == 1; }));
  room.reset();
  CHECK(eventually([&] { return sent() == 0; }));
  CHECK(sent() == 0);
}

} // namespace hubbub::test
