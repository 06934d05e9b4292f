#pragma once

#include "broker/disconnect.hpp"
#include "broker/errc.hpp"
#include "broker/grants.hpp"
#include "broker/session_id.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace hubbub::daemon {

/// The body of `POST /v1/disconnect`: `{user|session|token_id, reconnect?}`.
struct disconnect_order {
  /// One of them: all sessions of this user, this session, or all with this token.
  std::string user;
  broker::session_id session;
  std::string token_id;
  /// May the client come back as it is?
  bool reconnect = false;

  /// Refused with `bad_frame`, `bad_command` or, `before` being there, `not_supported`; the message names the
  /// field.
  [[nodiscard]] static broker::result<disconnect_order> parse(std::string_view json);

  /// `whose`: null when it is not known yet.
  [[nodiscard]] bool means(broker::session_id who, const broker::identity* whose) const noexcept;
  /// By what it names them, and the name: `{"user", "ann"}`.
  [[nodiscard]] std::pair<std::string_view, std::string> whom() const;
  [[nodiscard]] broker::disconnect goodbye() const;
};

} // namespace hubbub::daemon
