#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// RFC 4648, with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);
/// None: it is no such text.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
/// Is `text` what `to_base64` could have made?
[[nodiscard]] bool is_base64(std::string_view text) noexcept;

} // namespace hubbub::cluster
