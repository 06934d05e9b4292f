#include "cluster/memory_interest.hpp"

#include <utility>

namespace hubbub::cluster {

memory_interest::memory_interest(std::shared_ptr<memory_store> store, const broker::room_name& room,
                                 std::shared_ptr<broker::event_bus_handler> handler)
    : store_{std::move(store)}, shard_{store_->shard_of(room)}, handler_{std::move(handler)} {
  const auto wanted = shard_.want(room, store_->space_of(room), this);
  room_ = wanted.room;
  handler_->on_ready({store_->epoch, wanted.head});
}

memory_interest::~memory_interest() { shard_.forget(*room_, this); }

void memory_interest::publish(broker::publish_token token, broker::event e) {
  const auto id = store_->identity_of(e, *room_->second.space);
  auto kept = std::make_shared<broker::stored_event>();
  static_cast<broker::event&>(*kept) = std::move(e);
  if (kept->time_ms == 0)
    kept->time_ms = store_->unix_ms();
  // It stays for long: no room for growth.
  if (kept->data.capacity() > kept->data.size() + kept->data.size() / 4 + 64)
    kept->data.shrink_to_fit();

  const auto [what, offset] = shard_.keep(room_->second, this, kept, id, store_->now(), store_->epoch);
  if (what == memory_shard::outcome::replaced) {
    handler_->on_refused(token, {{broker::errc::unavailable, "the room has started anew"},
                                 broker::publish_outcome::not_stored,
                                 kept->event_id});
    return;
  }
  const auto duplicate = what == memory_shard::outcome::duplicate;
  broker::stored answer{{store_->epoch, offset}, kept->event_id, duplicate};
  if (!duplicate && !handler_->on_event(std::move(kept))) {
    // The room reads from its position when it can: the event is in the log.
  }
  handler_->on_stored(token, std::move(answer));
}

void memory_interest::broadcast(const broker::event&) {
  // There are no other nodes.
}

} // namespace hubbub::cluster
