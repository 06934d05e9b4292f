#pragma once

#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

namespace hubbub::test {

inline constexpr auto none = std::string::npos;

inline std::string config_of(const std::string& info) {
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

} // namespace hubbub::test
