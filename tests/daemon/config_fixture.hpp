#pragma once

#include "broker/daemon/config_load.hpp"

#include "tests/support/catch.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace hubbub::daemon::test {

/// A directory of one test's own, gone at its end.
class temp_dir {
public:
  temp_dir() {
    auto name = (std::filesystem::temp_directory_path() / "hubbub-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  ~temp_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;

  /// Writes a file and returns its name.
  std::string file(const std::string& name, std::string_view text) const {
    auto full = (path_ / name).string();
    std::ofstream{full, std::ios::binary} << text;
    return full;
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

private:
  std::filesystem::path path_;
};

/// Loads a file with this text as `hubbub.toml`, in dev mode unless told otherwise.
struct load {
  std::map<std::string, std::string> environment{};
  std::vector<std::pair<std::string, std::string>> flags{};

  std::variant<config, problems> operator()(std::string_view toml) const {
    temp_dir dir;
    config_sources from;
    from.file = dir.file("hubbub.toml", toml);
    from.environment = [this](const std::string& name) -> std::optional<std::string> {
      auto it = environment.find(name);
      return it == environment.end() ? std::nullopt : std::optional{it->second};
    };
    from.flags = flags;
    auto out = load_config(from);
    // What people see begins with the file's name; its directory is the test's own.
    if (auto* wrong = std::get_if<problems>(&out))
      for (auto& line : *wrong)
        if (line.starts_with(dir.path()))
          line.erase(0, dir.path().size() + 1);
    return out;
  }
};

inline config good(const std::variant<config, problems>& loaded) {
  if (const auto* wrong = std::get_if<problems>(&loaded))
    for (const auto& line : *wrong)
      UNSCOPED_INFO(line);
  REQUIRE(std::holds_alternative<config>(loaded));
  return std::get<config>(loaded);
}

inline problems bad(const std::variant<config, problems>& loaded) {
  REQUIRE(std::holds_alternative<problems>(loaded));
  return std::get<problems>(loaded);
}

} // namespace hubbub::daemon::test
