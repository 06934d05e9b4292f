#pragma once

#include "broker/errc.hpp"

#include <string>

namespace hubbub::cluster {

/// A directory that one process at a time keeps its log in. Held while this lives.
class data_dir {
public:
  /// Creates the directory, for its owner alone, when it does not exist. Refuses with `unavailable` and a
  /// sentence that names the file when it cannot be written, or when another one holds it.
  [[nodiscard]] static broker::result<data_dir> hold(const std::string& path);

  data_dir(data_dir&& other) noexcept;
  data_dir& operator=(data_dir&&) = delete;
  ~data_dir();

  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

private:
  data_dir(std::string path, int lock) : path_{std::move(path)}, lock_{lock} {}

  std::string path_;
  int lock_;
};

} // namespace hubbub::cluster
