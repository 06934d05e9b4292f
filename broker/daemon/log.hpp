#pragma once

#include "broker/clock.hpp"
#include "broker/daemon/config.hpp"
#include "broker/log.hpp"

#include <iosfwd>
#include <memory>

namespace hubbub::daemon {

/// The node's log: one line for each entry, for people or as a JSON object. Written at once, under a mutex.
/// `to` must outlive it; null: stderr. `time` serves the limit of repeated entries.
[[nodiscard]] std::unique_ptr<broker::log_sink>
make_log(log_format format, broker::log_level level, const broker::clock& time, std::ostream* to = nullptr);

} // namespace hubbub::daemon
