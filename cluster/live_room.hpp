#pragma once

#include "broker/event_bus.hpp"
#include "broker/small_mutex.hpp"
#include "cluster/call_order.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/live_senders.hpp"
#include "cluster/node_message.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hubbub::cluster {

/// A live room that somebody is interested in here: what other nodes and backends say of it, and what they
/// are told. At most once; in order of each sender; what was lost on the way is known by its number. Any
/// thread.
class live_room : public std::enable_shared_from_this<live_room> {
public:
  live_room(std::shared_ptr<jetstream_context> with, broker::room_name name,
            std::shared_ptr<broker::event_bus_handler> handler);

  /// Once. Says `on_ready` when what is published from then on comes; at once when there is no connection, as
  /// the room's own node can do without.
  void open(const std::string& epoch);
  void end();

  /// Tells the other nodes soon, together with what else is said of the room until then.
  void broadcast(const broker::event& e);
  void refuse(broker::publish_token token, std::string event_id);

private:
  void flush();
  void message_came(const nats_message& m);
  void backend_came(const nats_message& m);
  void arrived(live_batch b);
  void opened(const std::string& epoch);
  /// Within `calls_`.
  void lost(std::uint64_t count);

  const std::shared_ptr<jetstream_context> with_;
  const broker::room_name name_;

  /// Which life of a room on this node's link it is.
  const std::uint64_t life_;

  broker::small_mutex mutex_;
  std::uint32_t next_bytes_ = 0;
  /// Not told yet, but will be soon; null: lost already.
  std::vector<std::shared_ptr<broker::stored_event>> next_;
  /// The number of the first of them.
  std::uint64_t first_ = 1;

  call_order calls_;
  // Within `calls_` only.
  std::shared_ptr<broker::event_bus_handler> handler_;
  nats_link::subscription subscription_;
  /// What backends publish; no stream is in between.
  nats_link::subscription backends_;
  bool over_ = false;
  live_senders senders_;
};

/// The interest in it. The loop the room runs on.
class live_room_interest final : public broker::interest {
public:
  explicit live_room_interest(std::shared_ptr<live_room> room) : room_{std::move(room)} {}
  ~live_room_interest() override { room_->end(); }
  live_room_interest(const live_room_interest&) = delete;
  live_room_interest& operator=(const live_room_interest&) = delete;

  /// A mistake of the caller's.
  void publish(broker::publish_token token, broker::event e) override {
    room_->refuse(token, std::move(e.event_id));
  }
  void broadcast(const broker::event& e) override { room_->broadcast(e); }

private:
  const std::shared_ptr<live_room> room_;
};

} // namespace hubbub::cluster
