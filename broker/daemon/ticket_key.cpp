#include "broker/daemon/ticket_key.hpp"

#include "broker/daemon/hmac.hpp"
#include "broker/daemon/secret_file.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstring>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

} // namespace

broker::result<ticket_key> ticket_key::from_secret(std::string_view secret) {
  if (secret.size() < 32)
    return refusal{errc::unauthorized,
                   "the secret has " + std::to_string(secret.size()) +
                       " bytes, at least 32 are needed; make one with: openssl rand -base64 48"};
  if (secret.size() > 1024)
    return refusal{errc::unauthorized, "the secret has more than 1024 bytes"};
  // Not the secret itself: a file that also signs tokens would still give two keys that know nothing of
  // each other.
  ticket_key key;
  hmac_digest name;
  if (!hmac_sha256(secret, "hubbub ticket key", key.bytes_) ||
      !hmac_sha256(key.bytes(), "hubbub ticket key id", name))
    return refusal{errc::internal, "there is no memory for the key"};
  std::memcpy(&key.id_, name.data(), sizeof key.id_);
  return key;
}

broker::result<ticket_key> ticket_key::from_file(const std::string& name) {
  return key_from_file<ticket_key>(name);
}

broker::result<ticket_key> ticket_key::random() {
  secret_text secret;
  secret.text.resize(size);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(secret.text.data()), size) != 1)
    return refusal{errc::internal, "the system has no randomness for a key"};
  return from_secret(secret.text);
}

ticket_key::~ticket_key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

} // namespace hubbub::daemon
