#include "transport/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <utility>

namespace hubbub::transport {

namespace {

broker::refusal bad_file(const char* what, const std::string& file) {
  std::array<char, 160> why{"unknown"};
  if (auto code = ERR_get_error())
    ERR_error_string_n(code, why.data(), why.size());
  ERR_clear_error();
  return {broker::errc::invalid_data, std::string{what} + " " + file + " cannot be used: " + why.data()};
}

broker::refusal locked_file(const char* what, const std::string& file) {
  ERR_clear_error();
  return {broker::errc::invalid_data,
          std::string{what} + " " + file + " is encrypted, and nobody is there to type its passphrase"};
}

} // namespace

tls_context::tls_context(std::string certificate_file, std::string key_file)
    : certificate_file_{std::move(certificate_file)}, key_file_{std::move(key_file)} {}

broker::result<std::shared_ptr<tls_context>> tls_context::load(std::string certificate_file,
                                                               std::string key_file) {
  std::shared_ptr<tls_context> made{new tls_context{std::move(certificate_file), std::move(key_file)}};
  if (auto read = made->reload(); !read)
    return read.error();
  return made;
}

broker::result<void> tls_context::reload() {
  auto fresh = read_files();
  if (!fresh)
    return fresh.error();
  std::lock_guard lock{mutex_};
  context_ = *fresh;
  return {};
}

broker::result<std::shared_ptr<ssl_ctx_st>> tls_context::read_files() const {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  if (!context)
    return broker::refusal{broker::errc::internal, "TLS cannot be set up"};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  // Tickets resume sessions; a cache of our own would only take memory.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // By default it would be asked for on the terminal, where nobody may be.
  bool locked = false;
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), &locked);
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
  });
  const auto has_certificate =
      SSL_CTX_use_certificate_chain_file(context.get(), certificate_file_.c_str()) == 1;
  if (locked)
    return locked_file("the certificate", certificate_file_);
  if (!has_certificate)
    return bad_file("the certificate", certificate_file_);
  const auto has_key = SSL_CTX_use_PrivateKey_file(context.get(), key_file_.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), nullptr);
  if (locked)
    return locked_file("the key", key_file_);
  if (!has_key)
    return bad_file("the key", key_file_);
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return bad_file("the key", key_file_);
  return context;
}

ssl_st* tls_context::new_session() {
  std::lock_guard lock{mutex_};
  return SSL_new(context_.get()); // keeps a reference of its own to the context
}

} // namespace hubbub::transport
