#include "broker/daemon/signing_key.hpp"

#include "broker/daemon/jose_handles.hpp"
#include "broker/daemon/secret_file.hpp"

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

} // namespace

broker::result<signing_key> signing_key::from_secret(std::string_view secret) {
  if (secret.size() < least)
    return refusal{errc::unauthorized,
                   "the secret has " + std::to_string(secret.size()) +
                       " bytes, at least 32 are needed; make one with: openssl rand -base64 48"};
  if (secret.size() > most)
    return refusal{errc::unauthorized, "the secret has more than 1024 bytes"};
  json_ptr encoded{jose_b64_enc(secret.data(), secret.size())};
  // The algorithm is the key's: jose refuses a token that names another.
  json_ptr jwk{json_pack("{s:s,s:s,s:O}", "kty", "oct", "alg", "HS256", "k", encoded.get())};
  if (!jwk)
    return refusal{errc::internal, "there is no memory for the key"};
  return signing_key{std::shared_ptr<json_t>{jwk.release(), json_release{}}};
}

broker::result<signing_key> signing_key::from_file(const std::string& name) {
  return key_from_file<signing_key>(name);
}

} // namespace hubbub::daemon
