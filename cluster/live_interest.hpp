#pragma once

#include "broker/event_bus.hpp"

#include <memory>
#include <string>
#include <utility>

namespace hubbub::cluster {

/// A live room's interest on a node without others: there is no log to
/// publish to and nobody to tell. The loop the room runs on.
class live_interest final : public broker::interest {
public:
  /// Says `on_ready` before it returns.
  live_interest(const std::string& epoch, std::shared_ptr<broker::event_bus_handler> handler)
      : handler_{std::move(handler)} {
    handler_->on_ready({epoch, 0});
  }

  /// A mistake of the caller's.
  void publish(broker::publish_token token, broker::event e) override {
    handler_->on_refused(token, {{broker::errc::internal, "a live room has no log to publish to"},
                                 broker::publish_outcome::not_stored,
                                 std::move(e.event_id)});
  }
  void broadcast(const broker::event&) override {}

private:
  std::shared_ptr<broker::event_bus_handler> handler_;
};

} // namespace hubbub::cluster
