#pragma once

#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "actors/restart_intensity.hpp"

#include <caf/event_based_actor.hpp>

#include <unordered_map>

namespace hubbub::actors {

/// Hears of every room that crashed: logs it once with its reason, and has its
/// readers given to the room that is made in its place (one_for_one). A room
/// that crashes again and again is not rebuilt for its readers: they are sent
/// away for a while. Runs on CAF's own worker.
class room_supervisor final : public caf::event_based_actor {
public:
  room_supervisor(caf::actor_config& cfg, node_context& node) : caf::event_based_actor{cfg}, node_{node} {}
  const char* name() const override { return "room_supervisor"; }

private:
  caf::behavior make_behavior() override;
  void forget_quiet(broker::steady_time now);

  node_context& node_;
  std::unordered_map<broker::room_name, restart_intensity> crashes_;
};

} // namespace hubbub::actors
