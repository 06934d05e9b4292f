#include "broker/daemon/admin_query.hpp"

#include <algorithm>

namespace hubbub::daemon {
namespace {

constexpr std::uint64_t some = 100;
constexpr std::uint64_t most = 1000;

} // namespace

broker::result<std::uint32_t> read_limit(const query_parameters& query) {
  const auto wanted = query.number("limit", some);
  if (!wanted || *wanted == 0)
    return broker::refusal{broker::errc::bad_command, "query `limit` must be an integer from 1"};
  return static_cast<std::uint32_t>(std::min(*wanted, most));
}

broker::result<std::optional<std::uint64_t>> read_offset(const query_parameters& query,
                                                         std::string_view name) {
  if (!query.find(name))
    return std::optional<std::uint64_t>{};
  if (const auto number = query.number(name, 0))
    return number;
  return broker::refusal{broker::errc::bad_command, "query `" + std::string{name} + "` must be an offset"};
}

std::string read_text(const query_parameters& query, std::string_view name) {
  const auto* found = query.find(name);
  return found ? *found : std::string{};
}

} // namespace hubbub::daemon
