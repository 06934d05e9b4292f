#pragma once

#include "broker/presence.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

namespace hubbub::broker {

/// One person of a roster; its parts on this node and on others. There is one for each room that somebody
/// reads, so its size counts.
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
  /// Where `own` keeps the last one of this node for a while.
  struct pause {
    steady_time until;
    person* earlier;
    person* later;
  };
  /// Null: it does not linger.
  std::unique_ptr<pause> lingers;
  /// The next one of its chain.
  std::unique_ptr<person> next;
  std::uint32_t hash = 0;
  /// Living ones on this node.
  std::uint32_t connections : 31 = 0;
  /// Is `shown` in the roster? Not before the first `merge`.
  std::uint32_t told : 1 = 0;
};

inline std::uint32_t roster::person_table::hash_of(std::string_view user) noexcept {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(user));
}

template <class F>
void roster::person_table::for_each(F f) const {
  for (std::uint32_t i = 0; i <= mask_; ++i)
    for (const auto* p = chains()[i].get(); p; p = p->next.get())
      f(*p);
}

} // namespace hubbub::broker
