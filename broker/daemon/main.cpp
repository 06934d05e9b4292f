#include "broker/daemon/cli.hpp"
#include "broker/daemon/serve.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

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
  };
  try {
    return run({argv + 1, argv + argc}, around);
  } catch (const std::exception& e) {
    std::cerr << "hubbub: " << e.what() << '\n';
    return exit_failed;
  }
}
