#include "broker/daemon/cli.hpp"

#include "broker/daemon/commands.hpp"
#include "broker/daemon/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <ostream>

namespace hubbub::daemon {
namespace {

/// CLI11 says some things in two lines.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text;
}

} // namespace

int fail(const surroundings& around, int code, const std::string& sentence) {
  around.err << "hubbub: " << sentence << '\n';
  return code;
}

int run(const std::vector<std::string>& arguments, const surroundings& around) {
  CLI::App app{"hubbub, an event broker: rooms over WebSockets, with history, recovery and presence",
               "hubbub"};
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "say what there is");
  app.footer("Try it: hubbub serve --dev");
  // Each prints `hubbub <command> --help` for itself.
  const std::array commands{add_serve(app, around), add_check_config(app, around), add_token(app, around),
                            add_publish(app, around), add_version(app, around)};
  const auto subcommands = app.get_subcommands({});
  // CLI11 takes them from the back.
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    around.out << (chosen.empty() ? app.help() : chosen.front()->help("hubbub"));
    return exit_ok;
  } catch (const CLI::ParseError& e) {
    const auto chosen = app.get_subcommands();
    const auto name = chosen.empty() ? std::string{} : chosen.front()->get_name() + " ";
    return fail(around, exit_usage, one_line(e.what()) + "; see hubbub " + name + "--help");
  }
  for (std::size_t i = 0; i < commands.size(); ++i)
    if (subcommands[i]->parsed())
      return commands[i]();
  return exit_usage;
}

command add_version(CLI::App& app, const surroundings& around) {
  app.add_subcommand("version", "say which version this is");
  return [&around] {
    around.out << "hubbub " << version << '\n';
    return exit_ok;
  };
}

} // namespace hubbub::daemon
