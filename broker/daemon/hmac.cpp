#include "broker/daemon/hmac.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace hubbub::daemon {

bool hmac_sha256(std::string_view key, std::string_view text, hmac_digest& out) noexcept {
  unsigned size = 0;
  return HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(),
              reinterpret_cast<unsigned char*>(out.data()), &size) != nullptr &&
         size == out.size();
}

} // namespace hubbub::daemon
