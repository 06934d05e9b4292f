#pragma once

#include "broker/disconnect.hpp"
#include "broker/errc.hpp"
#include "broker/revocation.hpp"

#include <cstdint>
#include <functional>
#include <string_view>

namespace hubbub::actors {
class actor_node;
}

namespace hubbub::daemon {

/// The body of `POST /v1/disconnect`, and of the same order over NATS: `{user|session|token_id, before?,
/// reconnect?}`.
struct disconnect_order {
  /// Whom it means; nobody is kept from coming back by it.
  broker::revocation whom;
  /// May the client come back as it is?
  bool reconnect = false;

  /// Refused with `bad_frame` or `bad_command`; the message names the field.
  [[nodiscard]] static broker::result<disconnect_order> parse(std::string_view json);

  [[nodiscard]] broker::disconnect goodbye() const;

  /// Closes whom it means on this node, says so in the log, and calls `done` with their number on a loop's
  /// thread; not when the node ends meanwhile. Any thread.
  void carry_out(actors::actor_node& on, std::function<void(std::uint64_t closed)> done) const;
};

} // namespace hubbub::daemon
