#pragma once

#include "actors/admission.hpp"
#include "actors/loop_unit.hpp"
#include "actors/node_context.hpp"
#include "actors/node_metrics.hpp"
#include "actors/room_directory.hpp"
#include "broker/supervision.hpp"
#include "broker/turn.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <memory>
#include <vector>

namespace hubbub::actors {

/// The actors of a node: CAF's system, the unit of each loop, rooms and their
/// supervisor, admission. Built before the loops run, destroyed after they
/// have stopped and their sockets are gone.
class actor_node {
public:
  struct settings {
    std::uint32_t workers = 1;
    /// CAF's scheduler for what is not on a loop. `testing` runs nothing by itself.
    std::string scheduler = "sharing";
    bool anonymous = false;
    std::string node;
    std::string version;
    std::uint64_t tape_budget_bytes = UINT64_MAX;
    std::uint32_t room_mailbox = 1024;
    admission::origin_rule origin;
    /// Null: nobody can authenticate.
    const broker::authenticator* tokens = nullptr;
    /// Null: there are no other nodes.
    broker::roster_bus* rosters = nullptr;
    /// Null: there is none to reach.
    broker::backend* backend = nullptr;
    /// Null: nobody is told.
    broker::notice_sink* notices = nullptr;
    /// Null: sessions cannot be resumed.
    const broker::ticket_office* tickets = nullptr;
    /// Null: nobody can be revoked.
    const broker::revoked_list* revoked = nullptr;
    /// Null: a tree of its own.
    broker::supervision* supervision = nullptr;
  };
  /// `loops` outlive it, as does everything else that is passed by reference.
  actor_node(settings how, const std::vector<broker::loop*>& loops, broker::event_bus& bus,
             const broker::namespaces& spaces, const broker::limits& bounds, const broker::clock& time,
             broker::log_sink& log, broker::metrics& all);
  ~actor_node();

  [[nodiscard]] broker::turn_phases& phases(std::size_t loop) { return *units_[loop]; }
  [[nodiscard]] broker::connection_acceptor& acceptor() { return admission_; }
  [[nodiscard]] room_directory& rooms() { return rooms_; }
  [[nodiscard]] node_context& context() { return node_; }
  [[nodiscard]] caf::actor_system& system() { return *system_; }
  /// Adds what the loops have delivered to the node's numbers.
  void show_deliveries(broker::metrics& all);
  /// Closes, soon, all connections that it means. Any thread, until the loops stop.
  void send_away(const broker::revocation& whom);
  [[nodiscard]] loop_unit& unit(std::size_t loop) { return *units_[loop]; }

private:
  node_metrics counts_;
  std::unique_ptr<broker::supervision> own_supervision_;
  node_context node_;
  // Rooms hand jobs to the units until CAF's system has ended, so it goes first.
  std::vector<std::unique_ptr<loop_unit>> units_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  room_directory rooms_;
  admission admission_;
};

} // namespace hubbub::actors
