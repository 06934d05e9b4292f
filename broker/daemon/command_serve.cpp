#include "broker/daemon/command_options.hpp"
#include "broker/daemon/commands.hpp"
#include "broker/daemon/config_load.hpp"
#include "broker/daemon/config_settings.hpp"
#include "broker/daemon/file_text.hpp"
#include "broker/daemon/nats_tls.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

namespace hubbub::daemon {
namespace {

/// Those with a place begin with it, as compilers' do; the others with the program's name.
void tell(const surroundings& around, const problems& wrong, const std::string& file) {
  for (const auto& line : wrong) {
    const bool placed =
        line.starts_with("--") || line.starts_with("HUBBUB_") || (!file.empty() && line.starts_with(file));
    around.err << (placed ? "" : "hubbub: ") << line << '\n';
  }
}

void note_missing_files(const surroundings& around, const config& c) {
  auto files = c.auth.hs256_key_files;
  for (const auto& file : {c.tls.certificate, c.tls.key})
    if (!file.empty())
      files.push_back(file);
  for (const auto& file : files)
    if (auto text = read_file_text(file); !text)
      around.err << "note: " << file << " " << text.error().message << '\n';
}

} // namespace

command add_serve(CLI::App& app, const surroundings& around) {
  command_options serve{app, "serve", "run a node"};
  const auto from = std::make_shared<config_sources>();
  from->environment = around.environment;
  from->variables = around.variables;
  serve.text("--config", from->file, "the configuration file (HUBBUB_CONFIG)", "FILE");
  for (const auto& s : settings()) {
    if (s.flag.empty())
      continue;
    const std::string flag{s.flag};
    const auto help = std::string{s.flag_help} + " (" + s.variable() + ")";
    const auto take = [from, flag](const std::string& text) { from->flags.emplace_back(flag, text); };
    if (flag == "dev")
      serve.flag(
          "--" + flag, [take] { take("true"); }, help);
    else
      serve.call("--" + flag, take, help, "VALUE");
  }
  serve.footer("A flag beats its variable, a variable beats the file. What the file's keys mean: "
               "docs/configuration.md\nTry it: hubbub serve --dev");
  return [from, &around] {
    if (from->file.empty())
      from->file = around.environment("HUBBUB_CONFIG").value_or("");
    auto loaded = load_config(*from);
    if (const auto* wrong = std::get_if<problems>(&loaded)) {
      tell(around, *wrong, from->file);
      return exit_usage;
    }
    return around.serve(std::get<config>(loaded));
  };
}

command add_check_config(CLI::App& app, const surroundings& around) {
  const auto from = std::make_shared<config_sources>();
  from->environment = around.environment;
  from->variables = around.variables;
  command_options{app, "check-config", "say whether a configuration file is right"}
      .text("file", from->file, "the file", "FILE", command_options::need::required)
      .flag(
          "--dev", [from] { from->flags.emplace_back("dev", "true"); }, "as for serve --dev")
      .footer(
          "Looks at the file and at the HUBBUB_ variables that serve would be started with: a variable beats "
          "the file.\nFiles that they name need not be there.");
  return [from, &around] {
    const auto loaded = load_config(*from);
    if (const auto* wrong = std::get_if<problems>(&loaded)) {
      tell(around, *wrong, from->file);
      return exit_usage;
    }
    const auto& c = std::get<config>(loaded);
    for (const auto& warning : c.warnings)
      around.err << "note: " << warning << '\n';
    note_missing_files(around, c);
    if (const auto fault = check_nats_tls(c.nats)) {
      around.err << (fault->unread ? "note: " : "hubbub: ") << fault->sentence << '\n';
      if (!fault->unread)
        return exit_usage;
    }
    around.out << from->file << ": ok\n";
    return exit_ok;
  };
}

} // namespace hubbub::daemon
