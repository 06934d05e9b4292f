#pragma once

#include "broker/errc.hpp"

#include <memory>
#include <mutex>
#include <string>

struct ssl_st;
struct ssl_ctx_st;

namespace hubbub::transport {

/// The certificate and key that new connections are served with: TLS 1.2 and later. Any thread.
class tls_context {
public:
  /// PEM files; the certificate's may hold its chain. A refusal names the file and what is wrong.
  [[nodiscard]] static broker::result<std::shared_ptr<tls_context>> load(std::string certificate_file,
                                                                         std::string key_file);

  /// Reads the same files again. New handshakes get the new certificate, open connections
  /// live on; when a file is bad everything stays as it was.
  [[nodiscard]] broker::result<void> reload();

  /// A session for one accepted socket, to be owned by a `wire`; null when memory is short.
  [[nodiscard]] ssl_st* new_session();

private:
  tls_context(std::string certificate_file, std::string key_file);
  [[nodiscard]] broker::result<std::shared_ptr<ssl_ctx_st>> read_files() const;

  const std::string certificate_file_;
  const std::string key_file_;
  std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;
};

} // namespace hubbub::transport
