#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hubbub::daemon {

/// A command's options while they are described. CLI11 stands behind it in one file, whose headers take
/// longer to compile than all commands together.
class command_options {
public:
  /// Adds the command `name` to `app`.
  command_options(CLI::App& app, const std::string& name, const std::string& help);

  enum class need : bool { optional, required };
  /// `names` as CLI11 reads them: `--room,room` may also stand without its flag. `type` is shown in the help.
  /// What `into` refers to must live until the command line was read; the same holds for what is called.
  command_options& text(const std::string& names, std::string& into, const std::string& help,
                        const std::string& type, need n = need::optional);
  /// May come several times.
  command_options& texts(const std::string& names, std::vector<std::string>& into, const std::string& help,
                         const std::string& type);
  command_options& call(const std::string& names, const std::function<void(const std::string&)>& take,
                        const std::string& help, const std::string& type);
  command_options& flag(const std::string& name, const std::function<void()>& set, const std::string& help);
  /// What the help says last.
  command_options& footer(const std::string& text);

private:
  CLI::App& command_;
};

} // namespace hubbub::daemon
