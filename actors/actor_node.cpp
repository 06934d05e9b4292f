#include "actors/actor_node.hpp"

#include "actors/connection_actor.hpp"
#include "actors/room_supervisor.hpp"

#include <caf/atom.hpp>

namespace hubbub::actors {
namespace {

caf::actor_system_config& configure(caf::actor_system_config& c, std::uint32_t workers,
                                    const std::string& scheduler) {
  c.set("scheduler.max-threads", static_cast<std::size_t>(workers));
  // The default, work stealing, polls: thousands of sleeps a second on an idle node.
  c.set("scheduler.policy", caf::atom_from_string(scheduler));
  return c;
}

} // namespace

actor_node::actor_node(settings how, const std::vector<broker::loop*>& loops, broker::event_bus& bus,
                       const broker::namespaces& spaces, const broker::limits& bounds,
                       const broker::clock& time, broker::log_sink& log, broker::metrics& all)
    : counts_{all},
      node_{spaces,
            bounds,
            time,
            how.tokens,
            bus,
            how.rosters,
            log,
            counts_,
            std::move(how.node),
            std::move(how.version),
            how.anonymous,
            broker::tape_budget{how.tape_budget_bytes},
            nullptr,
            nullptr,
            {},
            {},
            how.room_mailbox},
      system_{std::make_unique<caf::actor_system>(configure(config_, how.workers, how.scheduler))},
      rooms_{node_},
      admission_{node_, std::move(how.origin)} {
  for (auto* l : loops) {
    units_.push_back(std::make_unique<loop_unit>(*l, node_));
    units_.back()->serve(*system_);
    node_.loops.push_back(units_.back().get());
    node_.around.loops = static_cast<std::uint32_t>(node_.loops.size());
  }
  node_.backend = how.backend;
  node_.notices = how.notices;
  if (!how.supervision)
    own_supervision_ = std::make_unique<broker::supervision>(time, log, all);
  node_.supervision = how.supervision ? how.supervision : own_supervision_.get();
  node_.system = system_.get();
  node_.rooms = &rooms_;
  node_.tickets = how.tickets;
  node_.revoked = how.revoked;
  node_.room_supervisor = system_->spawn<room_supervisor, caf::hidden>(std::ref(node_));
}

void actor_node::show_deliveries(broker::metrics& all) {
  const auto show = [&](const char* name, const char* help,
                        broker::relaxed_count broker::delivery_counts::*which) {
    all.counter_from(name, help, [this, which] {
      std::uint64_t sum = 0;
      for (const auto& u : units_)
        sum += (u->sender().counts().*which).value();
      return static_cast<double>(sum);
    });
  };
  using counts = broker::delivery_counts;
  show("hubbub_deliveries_total", "Events sent to clients", &counts::frames);
  show("hubbub_delivered_bytes_total", "Bytes of events sent to clients", &counts::bytes);
  show("hubbub_writes_total", "Writes to sockets that carried events", &counts::writes);
  show("hubbub_dropped_total", "Events of live rooms that slow clients did not get", &counts::dropped);
  show("hubbub_overtaken_total", "Readers that fell off a tape", &counts::overtaken);
}

void actor_node::send_away(const broker::revocation& whom) {
  for (const auto& u : units_)
    u->post([&at = *u, whom] {
      for (auto* c : at.connections())
        if (whom.means(c->session(), c->who()))
          c->close(revoked());
    });
}

actor_node::~actor_node() {
  node_.room_supervisor = nullptr;
  node_.ended.store(true, std::memory_order_release);
  rooms_.clear();
  node_.rooms = nullptr;
  for (auto& u : units_)
    u->drop_all();
  node_.sessions.clear();
  // Rooms that a timer of CAF's still holds end with the system.
  system_.reset();
}

} // namespace hubbub::actors
