#include "broker/daemon/nats_tls.hpp"

#include "broker/daemon/file_text.hpp"
#include "broker/daemon/secret_file.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>
#include <utility>

namespace hubbub::daemon {
namespace {

constexpr std::size_t most_pem_bytes = 4 << 20; // all authorities of a system in one file

using certificate_ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using private_key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using bio_ptr = std::unique_ptr<BIO, decltype(&BIO_free)>;

bio_ptr bytes_of(std::string_view pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

/// Tells `asked` that a passphrase is wanted. By default the library asks for it on the terminal.
int nobody_to_ask(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

/// The first of them. Null: there is none, or (`locked`) one of all wants a passphrase.
certificate_ptr first_certificate(std::string_view pem, bool& locked) {
  const auto all = bytes_of(pem);
  const auto next = [&] {
    return certificate_ptr{PEM_read_bio_X509(all.get(), nullptr, nobody_to_ask, &locked), &X509_free};
  };
  auto first = next();
  for (auto more = static_cast<bool>(first); more;)
    more = static_cast<bool>(next());
  return locked ? certificate_ptr{nullptr, &X509_free} : std::move(first);
}

/// Null: there is none, or (`locked`) only one that wants a passphrase.
private_key_ptr private_key(std::string_view pem, bool& locked) {
  return {PEM_read_bio_PrivateKey(bytes_of(pem).get(), nullptr, nobody_to_ask, &locked), &EVP_PKEY_free};
}

nats_tls_fault wrong_pem(std::string_view key, const std::string& file, std::string_view what) {
  std::string sentence{"nats."};
  return {sentence.append(key).append(": ").append(file).append(" ").append(what)};
}

nats_tls_fault locked_pem(std::string_view key, const std::string& file) {
  return wrong_pem(key, file, "is encrypted, and nobody is there to type its passphrase");
}

/// Reads it, or says why it cannot be.
std::optional<nats_tls_fault> read_pem(std::string_view key, const std::string& file, secret_text& to) {
  auto text = read_file_text(file, most_pem_bytes);
  if (!text) {
    auto fault = wrong_pem(key, file, text.error().message);
    fault.unread = true;
    return fault;
  }
  to = secret_text{std::move(*text)};
  return std::nullopt;
}

/// Reads the first of them, or says why there is none.
std::optional<nats_tls_fault> read_certificate(std::string_view key, const std::string& file,
                                               certificate_ptr& to) {
  secret_text pem;
  if (auto fault = read_pem(key, file, pem))
    return fault;
  auto locked = false;
  to = first_certificate(pem.text, locked);
  if (locked)
    return locked_pem(key, file);
  return to ? std::nullopt : std::optional{wrong_pem(key, file, "holds no certificate in PEM")};
}

std::optional<nats_tls_fault> check_pair(const nats_config& how) {
  certificate_ptr certificate{nullptr, &X509_free};
  if (auto fault = read_certificate("tls_cert", how.tls_cert, certificate))
    return fault;
  secret_text pem;
  if (auto fault = read_pem("tls_key", how.tls_key, pem))
    return fault;
  auto locked = false;
  const auto key = private_key(pem.text, locked);
  if (locked)
    return locked_pem("tls_key", how.tls_key);
  if (!key)
    return wrong_pem("tls_key", how.tls_key, "holds no private key in PEM");
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return wrong_pem("tls_key", how.tls_key,
                     "is not the key of the certificate in nats.tls_cert (" + how.tls_cert + ")");
  return std::nullopt;
}

std::optional<nats_tls_fault> first_fault(const nats_config& how) {
  certificate_ptr any{nullptr, &X509_free};
  if (!how.tls_ca.empty())
    if (auto fault = read_certificate("tls_ca", how.tls_ca, any))
      return fault;
  return how.tls_cert.empty() || how.tls_key.empty() ? std::nullopt : check_pair(how);
}

} // namespace

std::optional<nats_tls_fault> check_nats_tls(const nats_config& how) {
  auto fault = first_fault(how);
  ERR_clear_error(); // what could not be read is said in words of ours
  return fault;
}

} // namespace hubbub::daemon
