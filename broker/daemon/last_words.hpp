#pragma once

#include "broker/log.hpp"

#include <chrono>
#include <string>
#include <string_view>

/// The end of a process that cannot go on.
namespace hubbub::daemon {

/// The node gave up: too much crashed. EX_SOFTWARE of sysexits.h.
inline constexpr int exit_gave_up = 70;
/// The watchdog ended the process: something stood still.
inline constexpr int exit_stalled = 71;

/// Ends the process at once, without destructors, which might wait for what stands still. What was written to
/// the log is out; this entry, too, unless the log takes longer than a moment. Any thread.
[[noreturn]] void leave(int code, broker::log_sink& log, std::string_view component, std::string_view message,
                        broker::log_sink::fields more) noexcept;

/// From now on an exception that nobody catches is said in the log before it aborts the process. `log` must
/// outlive the process's threads.
void log_terminations(broker::log_sink& log);

/// As logs write it: `2026-01-31T12:00:00Z`.
[[nodiscard]] std::string utc_text(std::chrono::system_clock::time_point when);

} // namespace hubbub::daemon
