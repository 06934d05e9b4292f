#include "broker/daemon/config_settings.hpp"
#include "broker/daemon/file_text.hpp"

#include "tests/support/catch.hpp"

#include <set>

using namespace hubbub::daemon;
using Catch::Matchers::Contains;

namespace {

/// The part of docs/configuration.md from this heading to the next of its rank.
std::string section_of(const std::string& heading) {
  const auto text = *read_file_text(HUBBUB_SOURCE_DIR "/docs/configuration.md");
  const auto begin = text.find("\n## `[" + heading + "]`");
  REQUIRE(begin != std::string::npos);
  return text.substr(begin, text.find("\n## ", begin + 1) - begin);
}

} // namespace

TEST_CASE("every key, flag and variable is documented in its section", "[config]") {
  for (const auto& s : settings()) {
    const auto section = section_of(std::string{s.section});
    const auto row = section.find("\n| `" + std::string{s.key} + "`");
    INFO(s.name());
    REQUIRE(row != std::string::npos);
    const auto line = section.substr(row + 1, section.find('\n', row + 1) - row);
    CHECK_THAT(line, Contains("`" + s.variable() + "`"));
    if (!s.flag.empty())
      CHECK_THAT(line, Contains("`--" + std::string{s.flag} + "`"));
  }
  const auto section = section_of("namespace.<name>");
  for (const auto& s : policy_settings())
    CHECK_THAT(section, Contains("\n| `" + std::string{s.key} + "`"));
}

TEST_CASE("no two keys share a variable or a flag", "[config]") {
  std::set<std::string> variables{"HUBBUB_CONFIG", "HUBBUB_ADMIN_KEY"};
  std::set<std::string_view> flags{"config"};
  for (const auto& s : settings()) {
    INFO(s.name());
    CHECK(variables.insert(s.variable()).second);
    CHECK((s.flag.empty() || flags.insert(s.flag).second));
  }
}
