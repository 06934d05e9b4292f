#pragma once

#include "broker/errc.hpp"

#include <memory>
#include <string>
#include <string_view>

struct json_t;

namespace hubbub::daemon {

/// A secret that signs tokens with HS256. Never changed once made; any thread.
class signing_key {
public:
  /// `secret` has 32 (RFC 7518 section 3.2) to 1024 bytes.
  [[nodiscard]] static broker::result<signing_key> from_secret(std::string_view secret);

  /// Reads a file that holds nothing but the secret: as it stands there, without the white space at its end,
  /// or in base64 behind `base64:`. Refused with a sentence that begins with the file's name.
  [[nodiscard]] static broker::result<signing_key> from_file(const std::string& name);

  /// As a JWK.
  [[nodiscard]] const json_t* jwk() const noexcept { return jwk_.get(); }

  static constexpr std::size_t least = 32;
  static constexpr std::size_t most = 1024;

private:
  explicit signing_key(std::shared_ptr<json_t> jwk) : jwk_{std::move(jwk)} {}
  std::shared_ptr<json_t> jwk_;
};

} // namespace hubbub::daemon
