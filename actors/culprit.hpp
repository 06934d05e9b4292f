#pragma once

#include "broker/clock.hpp"
#include "broker/grants.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace hubbub::actors {

struct node_context;

/// Who answers for what breaks in a session: its user, or the address (`counted_address`) of one that has
/// none. Empty: neither is known.
[[nodiscard]] std::string culprit(const broker::identity* who, std::string_view remote_address);

/// The same as a number that messages can bear; 0: neither is known.
[[nodiscard]] std::uint64_t culprit_mark(std::string_view user, std::string_view remote_address) noexcept;

/// How long that one is refused still, as its sessions keep crashing; 0: it is welcome. Counts and logs a
/// refusal. `loop`: the caller's.
[[nodiscard]] broker::milliseconds culprit_waits(node_context& node, std::uint32_t loop,
                                                 const broker::identity* who,
                                                 std::string_view remote_address);

/// What it is told.
inline constexpr const char* keeps_crashing = "your sessions keep breaking on the server's side";

} // namespace hubbub::actors
