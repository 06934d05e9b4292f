#pragma once

#include "broker/daemon/http_answer.hpp"

#include <atomic>
#include <functional>
#include <utility>

namespace hubbub::daemon {

/// An answer that others owe: given once, by whoever is first. Who owes it holds a reference; when
/// the last one goes without having given it, the client is told to try again. Any thread.
class one_answer {
public:
  explicit one_answer(std::function<void(broker::http_response)> done) : done_{std::move(done)} {}
  ~one_answer() {
    give(error_answer({broker::errc::unavailable, "who was asked went away: try again", 1000}));
  }
  one_answer(const one_answer&) = delete;
  one_answer& operator=(const one_answer&) = delete;

  void give(broker::http_response what) {
    if (!given_.exchange(true, std::memory_order_acq_rel))
      std::exchange(done_, nullptr)(std::move(what));
  }

private:
  std::atomic<bool> given_{false};
  std::function<void(broker::http_response)> done_;
};

} // namespace hubbub::daemon
