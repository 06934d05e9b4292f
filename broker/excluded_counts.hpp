#pragma once

#include "broker/session_id.hpp"
#include "broker/session_map.hpp"

#include <cstdint>

namespace hubbub::broker {

/// How many frames that were kept from each of a room's readers its tape has given up. Not synchronised: the
/// tape guards it.
class excluded_counts {
public:
  /// From now on those of `who` are counted.
  void expect(session_id who) {
    if (!counts_.find(who))
      counts_.put(who, 0);
  }
  void forget(session_id who) noexcept { counts_.take(who); }
  [[nodiscard]] bool empty() const noexcept { return counts_.empty(); }

  /// One more of `who`; of others nothing is kept.
  void add(session_id who) noexcept {
    if (auto* n = counts_.find(who))
      ++*n;
  }
  [[nodiscard]] std::uint64_t of(session_id who) const noexcept {
    const auto* n = counts_.find(who);
    return n ? *n : 0;
  }

private:
  session_map<std::uint64_t> counts_;
};

} // namespace hubbub::broker
