#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::daemon {

/// The servers of `nats.url`: `nats://host:port` or `tls://host:port`, divided by commas. Nothing: one of
/// them is neither.
[[nodiscard]] std::optional<std::vector<std::string>> nats_servers(std::string_view urls);

} // namespace hubbub::daemon
