#pragma once

#include "broker/daemon/config.hpp"

#include <optional>
#include <string>

namespace hubbub::daemon {

/// What is wrong with a file that `[nats]` names for TLS.
struct nats_tls_fault {
  /// Names the key, the file and the fault.
  std::string sentence;
  /// It is not there, or may not be read: on another machine it may be right.
  bool unread = false;
};

/// Reads the files of `nats.tls_ca`, `tls_cert` and `tls_key`. Nothing: they can be used, or none is named.
[[nodiscard]] std::optional<nats_tls_fault> check_nats_tls(const nats_config& how);

} // namespace hubbub::daemon
