#pragma once

#include "broker/revocation.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// The name of a revocation's entry: `user.YW5u`, in letters that every tool for buckets takes.
[[nodiscard]] std::string bucket_key(const broker::revocation& what);
/// Whom an entry of that name means; none: it is no name of ours.
[[nodiscard]] std::optional<broker::revocation> from_bucket_key(std::string_view key);

} // namespace hubbub::cluster
