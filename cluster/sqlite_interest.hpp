#pragma once

#include "broker/clock.hpp"
#include "broker/event_bus.hpp"
#include "broker/supervisor.hpp"
#include "cluster/siphash.hpp"
#include "cluster/write_queue.hpp"

#include <memory>
#include <string>

namespace hubbub::cluster {

/// What the interests of an SQLite log share with it, and may hold longer than it lives.
struct sqlite_shared {
  sqlite_shared(std::string path, siphash_key k, const broker::namespaces& s, const broker::clock& time,
                broker::supervisor* to)
      : file{std::move(path)}, key{k}, spaces{s}, clock{time}, answers{to} {}

  const std::string file;
  const siphash_key key;
  const broker::namespaces spaces;
  const broker::clock& clock;
  /// For the log's threads. Null: nobody does.
  broker::supervisor* const answers;
  write_queue queue;
};

/// A room's way into the SQLite log: prepares its publishes and hands them to the writer,
/// which answers. The loop the room runs on.
class sqlite_interest final : public broker::interest {
public:
  sqlite_interest(std::shared_ptr<sqlite_shared> shared, const broker::room_name& room,
                  std::shared_ptr<broker::event_bus_handler> handler);
  ~sqlite_interest() override;
  sqlite_interest(const sqlite_interest&) = delete;
  sqlite_interest& operator=(const sqlite_interest&) = delete;

  void publish(broker::publish_token token, broker::event e) override;
  void broadcast(const broker::event& e) override;

private:
  std::shared_ptr<sqlite_shared> shared_;
  std::shared_ptr<sqlite_subscription> mine_;
};

} // namespace hubbub::cluster
