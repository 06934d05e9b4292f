#include "broker/daemon/endpoint.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace hubbub::daemon {

std::optional<endpoint> endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc{} || end != digits.data() + digits.size())
    return std::nullopt;

  auto host = text.substr(0, colon);
  if (host == "localhost")
    host = "127.0.0.1";
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets)
    host = host.substr(1, host.size() - 2);
  endpoint e{std::string{host}, port};
  unsigned char bytes[sizeof(in6_addr)];
  if (inet_pton(brackets ? AF_INET6 : AF_INET, e.address.c_str(), bytes) != 1)
    return std::nullopt;
  return e;
}

std::string endpoint::str() const {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

bool endpoint::loopback() const noexcept { return address.starts_with("127.") || address == "::1"; }

} // namespace hubbub::daemon
