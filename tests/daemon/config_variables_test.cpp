#include "broker/daemon/config_settings.hpp"
#include "broker/daemon/config_variables.hpp"
#include "broker/daemon/file_text.hpp"

#include "tests/support/catch.hpp"

#include <filesystem>
#include <regex>
#include <string>
#include <vector>

using namespace hubbub::daemon;

namespace {

using variable_names = std::vector<std::string>;

/// All that look like variables of ours in the files of a folder of the repository.
variable_names variables_in(const std::string& folder) {
  const std::regex word{"HUBBUB_[A-Z0-9]+(?:_[A-Z0-9]+)*"};
  variable_names all;
  const auto top = std::string{HUBBUB_SOURCE_DIR} + "/" + folder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{top})
    if (entry.is_regular_file())
      if (const auto text = read_file_text(entry.path().string()))
        all.insert(all.end(), std::sregex_token_iterator{text->begin(), text->end(), word}, {});
  return all;
}

} // namespace

TEST_CASE("a variable that means nothing is named, and what may have been meant", "[config]") {
  CHECK(unknown_variables({"HUBBUB_WHAT", "HUBBUB_LIMIT_ROOMS", "HUBBUB_CONFIGURATION"}) ==
        variable_names{"HUBBUB_CONFIGURATION: there is no such variable",
                       "HUBBUB_LIMIT_ROOMS: there is no such variable; did you mean HUBBUB_LIMITS_ROOMS?",
                       "HUBBUB_WHAT: there is no such variable"});
  CHECK(unknown_variables({"HUBBUB_SPORT_8080"}).size() == 1);
  CHECK(unknown_variables({"PATH", "MY_HUBBUB_THING", "HUBBUB"}).empty());
}

TEST_CASE("every setting's variable is known", "[config]") {
  for (const auto& s : settings())
    CHECK(unknown_variables({s.variable()}).empty());
  CHECK(unknown_variables({"HUBBUB_CONFIG", "HUBBUB_ADMIN_KEY"}).empty());
}

TEST_CASE("variables that Kubernetes sets for Services are passed over", "[config]") {
  CHECK(unknown_variables({"HUBBUB_SERVICE_HOST", "HUBBUB_SERVICE_PORT", "HUBBUB_SERVICE_PORT_CLIENTS",
                           "HUBBUB_PORT", "HUBBUB_PORT_8080_TCP", "HUBBUB_PORT_8080_TCP_ADDR",
                           "HUBBUB_ADMIN_SERVICE_HOST", "HUBBUB_ADMIN_SERVICE_PORT_HTTP", "HUBBUB_ADMIN_PORT",
                           "HUBBUB_ADMIN_PORT_8081_TCP_PROTO"})
            .empty());
}

TEST_CASE("whatever our own scripts and manifests set is known", "[config]") {
  for (const auto* folder : {"deploy", "scripts"}) {
    const auto used = variables_in(folder);
    CHECK(used.size() > 3);
    CHECK(unknown_variables(used) == variable_names{});
  }
}
