#pragma once

#include "broker/errc.hpp"

#include <string>
#include <string_view>

namespace hubbub::daemon {

/// An order over NATS that is for one node, or for all: `{node}` or `{all: true}`.
struct node_order {
  /// Empty: all nodes.
  std::string node;

  /// Refused with `bad_frame` or `bad_command`; the message names the field. Nothing means all nodes but
  /// `{all: true}`, and that only where it `may_mean_all`.
  [[nodiscard]] static broker::result<node_order> parse(std::string_view json, bool may_mean_all);

  [[nodiscard]] bool means(std::string_view name) const noexcept { return node.empty() || node == name; }
};

} // namespace hubbub::daemon
