#pragma once

#include "broker/errc.hpp"

#include <string>
#include <utility>

namespace hubbub::daemon {

/// Overwritten when it goes.
struct secret_text {
  std::string text;
  secret_text() = default;
  explicit secret_text(std::string t) : text{std::move(t)} {}
  secret_text(secret_text&&) = default;
  secret_text& operator=(secret_text&&) = default;
  ~secret_text();
};

/// Reads a file that holds nothing but a secret: as it stands there, without the white space at its end, or
/// in base64 behind `base64:`. Refused with a sentence that begins with the file's name.
[[nodiscard]] broker::result<secret_text> read_secret_file(const std::string& name);

} // namespace hubbub::daemon
