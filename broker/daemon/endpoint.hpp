#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubbub::daemon {

/// An address of this machine and a port to listen on.
struct endpoint {
  /// IPv4 or IPv6, without brackets.
  std::string address;
  /// 0: a free one.
  std::uint16_t port = 0;

  /// Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`.
  [[nodiscard]] static std::optional<endpoint> parse(std::string_view text);
  /// As `parse` reads it.
  [[nodiscard]] std::string str() const;
  /// Can only this machine reach it?
  [[nodiscard]] bool loopback() const noexcept;

  bool operator==(const endpoint&) const = default;
};

} // namespace hubbub::daemon
