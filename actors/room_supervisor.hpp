#pragma once

#include "actors/messages.hpp"
#include "actors/node_context.hpp"

#include <caf/event_based_actor.hpp>

namespace hubbub::actors {

/// Hears of every room that crashed, and has its readers given to the room that
/// is made in its place (one_for_one). A room that crashes again and again is
/// made again only after a while, and its readers are sent away for as long.
/// `broker::supervision` counts. Runs on CAF's own worker.
class room_supervisor final : public caf::event_based_actor {
public:
  room_supervisor(caf::actor_config& cfg, node_context& node) : caf::event_based_actor{cfg}, node_{node} {}
  const char* name() const override { return "room_supervisor"; }

private:
  caf::behavior make_behavior() override;

  node_context& node_;
};

} // namespace hubbub::actors
