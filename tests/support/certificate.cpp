#include "tests/support/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace hubbub::tests {

namespace {

using file = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

file opened(const std::string& path) {
  file f{std::fopen(path.c_str(), "w"), std::fclose};
  if (!f)
    throw std::runtime_error{"cannot write " + path};
  return f;
}

} // namespace

test_certificate::test_certificate(const std::string& common_name) {
  std::string pattern = (std::filesystem::temp_directory_path() / "hubbub-tls-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    throw std::runtime_error{"no temporary directory"};
  directory_ = pattern;
  renew(common_name);
}

test_certificate::~test_certificate() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void test_certificate::renew(const std::string& common_name) {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), X509_free};
  if (!key || !certificate)
    throw std::runtime_error{"no key"};
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_set_pubkey(certificate.get(), key.get());
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  if (!X509_sign(certificate.get(), key.get(), EVP_sha256()))
    throw std::runtime_error{"the certificate cannot be signed"};
  PEM_write_X509(opened(certificate_file()).get(), certificate.get());
  PEM_write_PrivateKey(opened(key_file()).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

std::string test_certificate::locked_certificate_file() const {
  const file from{std::fopen(certificate_file().c_str(), "r"), std::fclose};
  const std::unique_ptr<X509, decltype(&X509_free)> certificate{
      from ? PEM_read_X509(from.get(), nullptr, nullptr, nullptr) : nullptr, X509_free};
  const auto path = certificate_file() + ".locked";
  const auto to = opened(path);
  const unsigned char passphrase[] = "secret";
  if (!certificate || !PEM_write_X509(to.get(), certificate.get()) ||
      !PEM_ASN1_write(reinterpret_cast<i2d_of_void*>(i2d_X509), PEM_STRING_X509, to.get(), certificate.get(),
                      EVP_aes_128_cbc(), passphrase, sizeof passphrase - 1, nullptr, nullptr))
    throw std::runtime_error{"the certificate cannot be locked"};
  return path;
}

} // namespace hubbub::tests
