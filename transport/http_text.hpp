#pragma once

#include "broker/errc.hpp"
#include "broker/http.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubbub::transport {

/// Undoes percent-encoding (RFC 3986). Nothing when a `%` is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

/// The status that shows a refusal.
[[nodiscard]] unsigned status_of(broker::errc code) noexcept;

/// When an answer of that status tells to come again, where `told` was decided; 0: it says nothing of that.
[[nodiscard]] std::uint32_t retry_after(unsigned status, std::uint32_t told) noexcept;

/// `{"code": …, "message": …}`. `retry_after_ms` is in there, too, and as whole seconds in `Retry-After`; 429
/// and 503 always say one.
[[nodiscard]] broker::http_response error_response(unsigned status, std::string_view code,
                                                   std::string_view message,
                                                   std::uint32_t retry_after_ms = 0);
[[nodiscard]] broker::http_response error_response(const broker::refusal& why);

struct answer_style {
  bool keep_alive = true;
  /// The answer to HEAD: all but the body.
  bool head = false;
};
/// A whole HTTP/1.1 answer. Headers that would break the message are left out.
[[nodiscard]] std::string answer_text(const broker::http_response& response, answer_style how);

} // namespace hubbub::transport
