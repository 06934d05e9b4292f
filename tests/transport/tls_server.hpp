#pragma once

#include "tests/support/certificate.hpp"
#include "tests/transport/test_server.hpp"
#include "transport/tls_context.hpp"

#include <memory>
#include <utility>

namespace hubbub::tests {

/// A server that speaks TLS.
struct tls_server {
  test_certificate certificate{"first"};
  std::shared_ptr<transport::tls_context> context =
      transport::tls_context::load(certificate.certificate_file(), certificate.key_file()).value();
  test_server server;

  explicit tls_server(transport::listener_options options = {}) : server{with(std::move(options))} {}
  transport::listener_options with(transport::listener_options options) {
    options.tls = context.get();
    return options;
  }
};

} // namespace hubbub::tests
