#include "broker/daemon/origin.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace hubbub::daemon {
namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(),
                         [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return out;
}

struct host_and_port {
  std::string host;
  /// -1: none.
  std::int32_t port = -1;
};

/// `app.example.com`, `127.0.0.1:8080`, `[::1]:80`.
std::optional<host_and_port> host_and_port_of(std::string_view text) {
  host_and_port out;
  const auto bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos)
    return std::nullopt;
  const auto colon = text.find(':', bracket);
  out.host = lower(text.substr(0, colon));
  if (colon != std::string_view::npos) {
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failed != std::errc{} || end != digits.data() + digits.size())
      return std::nullopt;
    out.port = port;
  }
  const bool v6 = out.host.starts_with('[');
  if (v6 && (!out.host.ends_with(']') || out.host.size() < 4))
    return std::nullopt;
  const bool clean = std::ranges::all_of(out.host, [v6](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           (v6 && (c == ':' || c == '[' || c == ']'));
  });
  if (out.host.empty() || !clean)
    return std::nullopt;
  return out;
}

/// What a sentence may repeat of a header.
std::string shown(std::string_view header) {
  std::string out;
  for (char c : header.substr(0, 100))
    out += c > 0x20 && c < 0x7f ? c : '?';
  return out.empty() ? "(none)" : out;
}

} // namespace

std::optional<std::string> normal_origin(std::string_view text) {
  const auto mark = text.find("://");
  if (mark == std::string_view::npos)
    return std::nullopt;
  auto scheme = lower(text.substr(0, mark));
  const auto place = host_and_port_of(text.substr(mark + 3));
  if ((scheme != "http" && scheme != "https") || !place)
    return std::nullopt;
  auto out = scheme + "://" + place->host;
  if (place->port >= 0 && place->port != (scheme == "http" ? 80 : 443))
    out += ":" + std::to_string(place->port);
  return out;
}

bool is_loopback_host(std::string_view host) {
  const auto place = host_and_port_of(host);
  return place && (place->host == "localhost" || place->host == "127.0.0.1" || place->host == "[::1]");
}

broker::refusal origin_rules::check(std::string_view origin, std::string_view host) const {
  using broker::errc;
  if (dev_ && !is_loopback_host(host))
    return {errc::forbidden,
            "in dev mode the Host must be localhost, 127.0.0.1 or [::1], not " + shown(host)};
  if (origin.empty())
    return {errc::ok};
  if (dev_) {
    const auto normal = normal_origin(origin);
    const bool here = normal && is_loopback_host(std::string_view{*normal}.substr(normal->find("://") + 3));
    if (!here)
      return {errc::forbidden, "in dev mode pages of this machine are welcome, not of " + shown(origin)};
    return {errc::ok};
  }
  if (!allowed_.empty() && !listed(origin))
    return {errc::forbidden, "the origin " + shown(origin) + " is not in auth.origins"};
  return {errc::ok};
}

bool origin_rules::cookie_counts(std::string_view origin) const { return !origin.empty() && listed(origin); }

bool origin_rules::listed(std::string_view origin) const {
  const auto normal = normal_origin(origin);
  return normal && std::ranges::find(allowed_, *normal) != allowed_.end();
}

} // namespace hubbub::daemon
