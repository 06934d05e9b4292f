#include "actors/room_supervisor.hpp"

#include "actors/loop_unit.hpp"
#include "actors/room_directory.hpp"

#include <caf/behavior.hpp>
#include <caf/sec.hpp>

#include <string>

namespace hubbub::actors {

caf::behavior room_supervisor::make_behavior() {
  // Nobody would rebuild rooms without it.
  set_exception_handler([this](caf::scheduled_actor*, std::exception_ptr& thrown) {
    broker::guarded_to_the_end(&node_.supervision->node, "rooms",
                               [&thrown] { std::rethrow_exception(thrown); });
    return caf::make_error(caf::sec::runtime_error);
  });
  return {
      [this](const room_down& m) {
        const auto wait = node_.supervision->rooms.crashed(
            m.room.str(), m.reason, m.by != 0 ? "culprit " + std::to_string(m.by) : std::string{});
        if (wait.count() != 0)
          node_.rooms->hold(m.room, wait);
        for (auto* loop : node_.loops)
          loop->post([loop, room = m.room, wait] { loop->room_lost(room, wait); });
      },
  };
}

} // namespace hubbub::actors
