#include "broker/daemon/admin_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace hubbub::daemon {

admin_keys::admin_keys(const std::vector<std::string>& keys, bool open) : open_{open} {
  for (const auto& key : keys)
    hashes_.push_back(hash_of(key));
}

admin_keys::hash admin_keys::hash_of(std::string_view key) {
  hash out;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), out.data());
  return out;
}

bool admin_keys::opened_by(std::string_view authorization) const {
  if (open_)
    return true;
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size())
    return false;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != (scheme[i] | 0x20))
      return false;
  const auto shown = hash_of(authorization.substr(scheme.size()));
  bool fits = false;
  for (const auto& known : hashes_) // all of them, so that the time does not tell which
    fits |= CRYPTO_memcmp(known.data(), shown.data(), known.size()) == 0;
  return fits;
}

} // namespace hubbub::daemon
