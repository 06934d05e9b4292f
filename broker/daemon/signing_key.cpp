#include "broker/daemon/signing_key.hpp"

#include "broker/daemon/file_text.hpp"
#include "broker/daemon/jose_handles.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

constexpr std::string_view base64_mark = "base64:";

/// Overwritten when it goes.
struct secret_text {
  std::string text;
  ~secret_text() { OPENSSL_cleanse(text.data(), text.size()); }
};

/// Base64 of either alphabet, with or without padding. False: it is not.
bool decode_base64(std::string_view text, std::string& out) {
  secret_text url{std::string{text.substr(0, text.find('='))}};
  std::ranges::replace(url.text, '+', '-');
  std::ranges::replace(url.text, '/', '_');
  const auto size = jose_b64_dec_buf(url.text.data(), url.text.size(), nullptr, 0);
  if (size == SIZE_MAX)
    return false;
  out.resize(size);
  return jose_b64_dec_buf(url.text.data(), url.text.size(), out.data(), out.size()) == size;
}

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
  auto read = read_file_text(name, 65'536);
  if (!read)
    return refusal{errc::unauthorized, name + ": " + read.error().message};
  secret_text file{std::move(*read)};
  while (!file.text.empty() &&
         (file.text.back() == '\n' || file.text.back() == '\r' || file.text.back() == ' '))
    file.text.pop_back();
  secret_text decoded;
  if (file.text.starts_with(base64_mark)) {
    if (!decode_base64(std::string_view{file.text}.substr(base64_mark.size()), decoded.text))
      return refusal{errc::unauthorized, name + ": what follows \"base64:\" is not base64"};
    std::swap(file.text, decoded.text);
  }
  auto key = from_secret(file.text);
  if (!key)
    return refusal{errc::unauthorized, name + ": " + key.error().message};
  return key;
}

} // namespace hubbub::daemon
