#include "broker/daemon/nats_servers.hpp"

namespace hubbub::daemon {

std::optional<std::vector<std::string>> nats_servers(std::string_view urls) {
  std::vector<std::string> servers;
  for (;;) {
    const auto end = urls.find(',');
    const auto one = urls.substr(0, end);
    const auto scheme = one.find("://");
    if (scheme == std::string_view::npos ||
        (one.substr(0, scheme) != "nats" && one.substr(0, scheme) != "tls") || one.size() == scheme + 3 ||
        one.find_first_of(" \t\r\n/", scheme + 3) != std::string_view::npos)
      return std::nullopt;
    servers.emplace_back(one);
    if (end == std::string_view::npos)
      return servers;
    urls.remove_prefix(end + 1);
  }
}

} // namespace hubbub::daemon
