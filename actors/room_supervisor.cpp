#include "actors/room_supervisor.hpp"

#include "actors/loop_unit.hpp"
#include "actors/node_metrics.hpp"

#include <caf/behavior.hpp>

namespace hubbub::actors {
namespace {

constexpr std::size_t most_restarts = 5;
constexpr std::chrono::seconds within{10};

} // namespace

caf::behavior room_supervisor::make_behavior() {
  return {
      [this](const room_down& m) {
        const auto now = node_.time.now();
        forget_quiet(now);
        auto& crashes = crashes_.try_emplace(m.room, most_restarts, within).first->second;
        const auto rebuild = crashes.note(now);
        node_.counts.room_crashes.add(broker::no_loop);
        node_.log.error("rooms",
                        rebuild ? "a room crashed and is rebuilt"
                                : "a room keeps crashing: its readers are sent away",
                        {{"room", m.room.str()}, {"reason", m.reason}});
        for (auto* loop : node_.loops)
          loop->post([loop, room = m.room, rebuild] { loop->room_lost(room, !rebuild); });
      },
  };
}

void room_supervisor::forget_quiet(broker::steady_time now) {
  std::erase_if(crashes_, [now](const auto& row) { return row.second.quiet(now); });
}

} // namespace hubbub::actors
