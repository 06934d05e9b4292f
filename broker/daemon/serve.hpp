#pragma once

#include "broker/daemon/config.hpp"

namespace hubbub::daemon {

/// Runs a node until SIGTERM or SIGINT; SIGHUP reads certificate and ticket keys again. Returns the exit
/// code: 0 after an orderly stop, 1 when it could not start, with one sentence on stderr.
[[nodiscard]] int serve(const config& how);

} // namespace hubbub::daemon
