#pragma once

#include "broker/daemon/cli.hpp"

#include <functional>

namespace CLI {
class App;
}

namespace hubbub::daemon {

/// A command: what to run once the command line was understood. Returns the exit code.
using command = std::function<int()>;

// Each adds its subcommand to `app`, with its own options.
[[nodiscard]] command add_serve(CLI::App& app, const surroundings& around);
[[nodiscard]] command add_check_config(CLI::App& app, const surroundings& around);
[[nodiscard]] command add_token(CLI::App& app, const surroundings& around);
[[nodiscard]] command add_publish(CLI::App& app, const surroundings& around);
[[nodiscard]] command add_version(CLI::App& app, const surroundings& around);

/// Says why a command failed, as one line, and returns `code`.
int fail(const surroundings& around, int code, const std::string& sentence);

} // namespace hubbub::daemon
