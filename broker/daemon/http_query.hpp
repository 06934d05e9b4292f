#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubbub::daemon {

/// What follows `?` in a request's target: `prefix=chat.&limit=10`. `+` is a space, as forms write it.
class query_parameters {
public:
  /// Nothing when an encoding is broken, a name comes twice, or there are more than 64.
  [[nodiscard]] static std::optional<query_parameters> parse(std::string_view query);

  /// Null when it is not there.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  /// The value, or `otherwise` when it is not there; nothing when it is not an integer of digits alone.
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name, std::uint64_t otherwise) const;

private:
  std::vector<std::pair<std::string, std::string>> all_;
};

/// Fits `path` into `pattern`, of which `{}` stands for one segment: returns the segments, decoded.
/// `/v1/rooms/{}/history` takes `/v1/rooms/chat.42/history`. Nothing when it does not fit.
[[nodiscard]] std::optional<std::vector<std::string>> match_path(std::string_view pattern,
                                                                 std::string_view path);

} // namespace hubbub::daemon
