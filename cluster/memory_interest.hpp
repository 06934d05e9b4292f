#pragma once

#include "broker/event_bus.hpp"
#include "cluster/memory_store.hpp"

#include <memory>

namespace hubbub::cluster {

/// A room's way into the log in memory: goes straight to the room's entry, with
/// no look-up by name. The loop the room runs on.
class memory_interest final : public broker::interest {
public:
  /// Says `on_ready` before it returns.
  memory_interest(std::shared_ptr<memory_store> store, const broker::room_name& room,
                  std::shared_ptr<broker::event_bus_handler> handler);
  ~memory_interest() override;
  memory_interest(const memory_interest&) = delete;
  memory_interest& operator=(const memory_interest&) = delete;

  void publish(broker::publish_token token, broker::event e) override;
  void broadcast(const broker::event& e) override;

private:
  std::shared_ptr<memory_store> store_;
  memory_shard& shard_;
  memory_shard::entry* room_;
  std::shared_ptr<broker::event_bus_handler> handler_;
};

} // namespace hubbub::cluster
