#pragma once

#include "broker/disconnect.hpp"
#include "broker/errc.hpp"
#include "broker/revocation.hpp"

#include <string_view>

namespace hubbub::daemon {

/// The body of `POST /v1/disconnect`: `{user|session|token_id, before?, reconnect?}`.
struct disconnect_order {
  /// Whom it means; nobody is kept from coming back by it.
  broker::revocation whom;
  /// May the client come back as it is?
  bool reconnect = false;

  /// Refused with `bad_frame` or `bad_command`; the message names the field.
  [[nodiscard]] static broker::result<disconnect_order> parse(std::string_view json);

  [[nodiscard]] broker::disconnect goodbye() const;
};

} // namespace hubbub::daemon
