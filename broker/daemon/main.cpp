#include "broker/daemon/cli.hpp"
#include "broker/daemon/serve.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>
#include <unistd.h>

namespace {

std::vector<std::string> names_of_variables() {
  std::vector<std::string> names;
  for (char** at = environ; at && *at; ++at) {
    const std::string_view entry{*at};
    names.emplace_back(entry.substr(0, entry.find('=')));
  }
  return names;
}

} // namespace

int main(int argc, char** argv) {
  using namespace hubbub::daemon;
  const surroundings around{
      .out = std::cout,
      .err = std::cerr,
      .in = std::cin,
      .environment = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>{value} : std::nullopt;
      },
      .serve = &serve,
      .variables = names_of_variables(),
  };
  try {
    return run({argv + 1, argv + argc}, around);
  } catch (const std::exception& e) {
    std::cerr << "hubbub: " << e.what() << '\n';
    return exit_failed;
  }
}
