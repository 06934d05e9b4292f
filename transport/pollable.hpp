#pragma once

#include "broker/clock.hpp"

#include <cstdint>

namespace hubbub::transport {

/// The owner of one watched descriptor. Its loop only.
class pollable {
public:
  /// epoll's events, level-triggered.
  virtual void on_ready(std::uint32_t events) = 0;
  /// What `event_loop::again` asked for: the next turn has come.
  virtual void on_again() {}
  /// What `event_loop::flush_later` asked for: the turn's end, when all have decided.
  virtual void on_flush() {}
  /// What `event_loop::bury` asked for: nothing else refers to this any more; destroy yourself.
  virtual void on_buried() {}

protected:
  ~pollable() = default;
};

/// Something that lives on a loop and wants to know of time and of the end. Its loop only.
class resident {
public:
  /// About every 100 ms while sockets are open, each second otherwise.
  virtual void on_tick(broker::steady_time now) = 0;
  /// The loop ends after this.
  virtual void on_stop() = 0;

protected:
  ~resident() = default;
};

} // namespace hubbub::transport
