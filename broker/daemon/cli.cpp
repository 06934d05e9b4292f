#include "broker/daemon/cli.hpp"

#include "broker/daemon/command_options.hpp"
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

command_options::command_options(CLI::App& app, const std::string& name, const std::string& help)
    : command_{*app.add_subcommand(name, help)} {}

command_options& command_options::text(const std::string& names, std::string& into, const std::string& help,
                                       const std::string& type, need n) {
  command_.add_option(names, into, help)->required(n == need::required)->type_name(type);
  return *this;
}

command_options& command_options::texts(const std::string& names, std::vector<std::string>& into,
                                        const std::string& help, const std::string& type) {
  command_.add_option(names, into, help)->type_name(type)->allow_extra_args(false);
  return *this;
}

command_options& command_options::call(const std::string& names,
                                       const std::function<void(const std::string&)>& take,
                                       const std::string& help, const std::string& type) {
  command_.add_option_function<std::string>(names, take, help)->type_name(type);
  return *this;
}

command_options& command_options::flag(const std::string& name, const std::function<void()>& set,
                                       const std::string& help) {
  command_.add_flag_callback(name, set, help);
  return *this;
}

command_options& command_options::footer(const std::string& text) {
  command_.footer(text);
  return *this;
}

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
  const command_options version_has_none{app, "version", "say which version this is"};
  return [&around] {
    around.out << "hubbub " << version << '\n';
    return exit_ok;
  };
}

} // namespace hubbub::daemon
