#pragma once

#include <array>
#include <string_view>

namespace hubbub::daemon {

using hmac_digest = std::array<char, 32>;

/// HMAC-SHA256 (RFC 2104). False: there is no memory for it. Any thread.
[[nodiscard]] bool hmac_sha256(std::string_view key, std::string_view text, hmac_digest& out) noexcept;

} // namespace hubbub::daemon
