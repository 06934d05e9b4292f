#pragma once

#include "broker/presence.hpp"

#include <memory>
#include <vector>

namespace hubbub::broker {

/// One person of a roster; its parts on this node and on others.
struct roster::person {
  /// What all nodes together have of it.
  member_ptr shown;
  /// What this node has of it, mostly the same; null: it is on other nodes only.
  member_ptr own;
  struct other {
    owner_id owner;
    member_ptr seen;
  };
  /// What other nodes have of it; null: nothing.
  std::unique_ptr<std::vector<other>> others;
  /// Living ones on this node; `own` keeps the last one while it lingers.
  std::uint32_t connections = 0;
  bool lingers = false;
  /// Is `shown` in the roster? Not before the first `merge`.
  bool told = false;
  steady_time until;
  person* earlier = nullptr;
  person* later = nullptr;
};

} // namespace hubbub::broker
