#pragma once

#include "broker/errc.hpp"
#include "broker/revocation.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// Answers an order: JSON that says what was done, or why nothing was. `then` is called when the answer has
/// left, or cannot. At most once, on any thread; an order that means other nodes is not answered.
using order_reply = std::function<void(result<std::string> done, std::function<void()> then)>;
/// Takes an order, on the thread that it came by: it must not wait.
using order_handler = std::function<void(std::string_view json, order_reply reply)>;

/// The way by which operators give orders to all nodes at once. Any thread.
class order_source {
public:
  virtual ~order_source() = default;
  /// Each order of that kind, one of our words, goes to `to` from now on.
  virtual void obey(std::string_view what, order_handler to) = 0;
  /// Revocations go by a way of their own; `f` is told of each that was ordered here and is kept.
  virtual void on_revoked(std::function<void(const revocation&)> f) = 0;
  /// How many orders of all kinds could not be understood.
  [[nodiscard]] virtual std::uint64_t not_understood() const noexcept = 0;
  /// How many were understood and could not be carried out.
  [[nodiscard]] virtual std::uint64_t refused() const noexcept = 0;
};

} // namespace hubbub::broker
