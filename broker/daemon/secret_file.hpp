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

/// The key that is made of such a file's secret by `Key::from_secret`; what is wrong with it bears the file's
/// name.
template <class Key>
[[nodiscard]] broker::result<Key> key_from_file(const std::string& name) {
  auto secret = read_secret_file(name);
  if (!secret)
    return secret.error();
  auto key = Key::from_secret(secret->text);
  if (!key)
    return broker::refusal{broker::errc::unauthorized, name + ": " + key.error().message};
  return key;
}

} // namespace hubbub::daemon
