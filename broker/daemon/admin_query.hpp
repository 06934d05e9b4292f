#pragma once

#include "broker/daemon/http_query.hpp"
#include "broker/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What lists are asked with. Refusals are `bad_command` and name what is wrong.
namespace hubbub::daemon {

/// `limit`: 100 when it is not there, and never more than 1000.
[[nodiscard]] broker::result<std::uint32_t> read_limit(const query_parameters& query);
/// An offset; nothing inside: it is not there.
[[nodiscard]] broker::result<std::optional<std::uint64_t>> read_offset(const query_parameters& query,
                                                                       std::string_view name);
/// Empty: it is not there.
[[nodiscard]] std::string read_text(const query_parameters& query, std::string_view name);

} // namespace hubbub::daemon
