#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hubbub::broker {

/// What an operator had a node do. Neither tokens nor payloads are in it.
struct operator_action {
  /// `disconnect`, `revoke`, `drain` or `reload`.
  std::string_view what;
  /// How it was ordered: `admin`, at the node's admin listener, or `nats`.
  std::string_view by;
  /// Whom it meant, as `{"user", "ann"}`; empty: the node itself.
  std::pair<std::string_view, std::string> whom;
  /// How many connections it closed; none: that is not what it does, or others do it.
  std::optional<std::uint64_t> closed;
};

/// Where it is told. Any thread; returns at once. At most once: what cannot be told now is dropped and
/// counted.
class audit_sink {
public:
  virtual ~audit_sink() = default;
  virtual void did(const operator_action& a) = 0;
};

/// Tells it if there is anybody to tell.
inline void audit(audit_sink* to, const operator_action& a) {
  if (to)
    to->did(a);
}

} // namespace hubbub::broker
