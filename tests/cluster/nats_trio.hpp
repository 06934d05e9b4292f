#pragma once

#include "tests/cluster/nats_server.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hubbub::test {

/// Three servers that know each other.
class nats_trio {
public:
  nats_trio() {
    std::array<std::uint16_t, 3> ports{};
    std::string routes;
    for (auto& port : ports) {
      port = free_port();
      routes.append("nats://127.0.0.1:")
          .append(std::to_string(port))
          .append(&port == &ports.back() ? "" : ", ");
    }
    for (std::size_t i = 0; i < ports.size(); ++i)
      servers.push_back(std::make_unique<nats_server>(
          "cluster { name: trio, listen: \"127.0.0.1:" + std::to_string(ports[i]) + "\", routes: [" + routes +
          "] }"));
  }
  std::vector<std::unique_ptr<nats_server>> servers;
};

} // namespace hubbub::test
