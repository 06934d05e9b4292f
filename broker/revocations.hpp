#pragma once

#include "broker/errc.hpp"
#include "broker/revocation.hpp"

#include <functional>

namespace hubbub::broker {

/// Where revocations are kept, so that every node knows them, also one that starts later. What is kept
/// arrives in the node's `revoked_list`. Any thread; nothing waits.
class revocations {
public:
  /// `ok`: it is kept. Called once, on any thread, perhaps at once; the node's own list has it by then.
  using handler = std::function<void(refusal)>;

  virtual ~revocations() = default;
  /// Refused with `unavailable` when it could not be kept; it may count all the same on nodes that are up,
  /// and until they end. With `overloaded` when as many are held as may be; then it counts nowhere.
  virtual void revoke(revocation what, handler done) = 0;
};

} // namespace hubbub::broker
