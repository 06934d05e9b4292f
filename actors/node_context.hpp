#pragma once

#include "actors/fwd.hpp"
#include "actors/session_directory.hpp"
#include "broker/backend.hpp"
#include "broker/clock.hpp"
#include "broker/event_bus.hpp"
#include "broker/grants.hpp"
#include "broker/limits.hpp"
#include "broker/log.hpp"
#include "broker/notice.hpp"
#include "broker/policy.hpp"
#include "broker/revoked_list.hpp"
#include "broker/room_surroundings.hpp"
#include "broker/roster_bus.hpp"
#include "broker/session_id.hpp"
#include "broker/supervision.hpp"
#include "broker/tape_budget.hpp"
#include "broker/tickets.hpp"
#include "broker/user_connections.hpp"

#include <caf/actor.hpp>

#include <atomic>
#include <string>
#include <vector>

namespace caf {
class actor_system;
}

namespace hubbub::actors {

struct node_metrics;

/// What all actors of a node share. Filled by `actor_node` before the first
/// actor runs, constant from then on; any thread.
struct node_context {
  const broker::namespaces& spaces;
  const broker::limits& bounds;
  const broker::clock& time;
  /// Null: nobody can authenticate.
  const broker::authenticator* tokens;
  broker::event_bus& bus;
  /// Null: there are no other nodes.
  broker::roster_bus* rosters;
  broker::log_sink& log;
  node_metrics& counts;
  std::string node;
  std::string version;
  /// May clients without a token in?
  bool anonymous = false;

  broker::tape_budget tapes;
  caf::actor_system* system = nullptr;
  room_directory* rooms = nullptr;
  std::vector<loop_unit*> loops;
  caf::actor room_supervisor;
  /// Commands a room's mailbox holds.
  std::uint32_t room_mailbox = 1024;
  /// Null: there is none to reach.
  broker::backend* backend = nullptr;
  /// Null: nobody is told.
  broker::notice_sink* notices = nullptr;
  /// The loops have stopped: no actor runs any more.
  std::atomic<bool> ended{false};
  /// Null: no tickets are given, and none counts.
  const broker::ticket_office* tickets = nullptr;
  /// Null: nobody can be revoked.
  const broker::revoked_list* revoked = nullptr;
  /// Empty where no tickets are given.
  session_directory sessions{};
  /// Empty where no user is limited.
  broker::user_connections users{};
  /// Tells this start of the node from all others.
  const std::uint64_t salt = broker::session_id::random().value;
  /// Who leaves a room lingers so many milliseconds at least: while the node drains, they are expected
  /// elsewhere.
  std::atomic<std::int64_t> least_linger_ms{0};
  /// `loops` of it follows the other `loops`.
  broker::room_surroundings around{0, tapes, time, salt, &least_linger_ms};
  /// Who is told of crashes.
  broker::supervision* supervision = nullptr;
};

} // namespace hubbub::actors
