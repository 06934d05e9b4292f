#pragma once

#include "broker/clock.hpp"
#include "broker/connection.hpp"
#include "broker/disconnect.hpp"
#include "broker/limits.hpp"
#include "broker/session_id.hpp"

#include <cstddef>
#include <optional>

namespace hubbub::broker {

/// Watches whether a client is alive and takes what it is sent. Any received byte is life. While bytes
/// wait in its socket the deadline of a pong is suspended, and progress counts instead, as long as its host
/// acknowledges what is sent; while nothing is read from it, nothing can be said of it. The connection's loop
/// only.
class liveness {
public:
  explicit liveness(steady_time opened) noexcept : progress_{opened} {}

  struct verdict {
    /// When to check again, unless it is closed.
    steady_time next;
    /// Send a ping now.
    bool ping = false;
    /// Close it for this.
    std::optional<disconnect> end;
  };
  /// `reading`: what the client sends is being read.
  [[nodiscard]] verdict check(const connection& wire, const limits& bounds, session_id who, bool reading,
                              steady_time now);

private:
  [[nodiscard]] verdict check_heard(const connection& wire, const limits& bounds, session_id who,
                                    steady_time now);

  /// When a ping went out that nothing answered yet.
  std::optional<steady_time> pinged_;
  /// When the client last took something, and what waited for it then.
  steady_time progress_;
  std::size_t unsent_ = 0;
  bool was_pinged_ = false;
};

} // namespace hubbub::broker
