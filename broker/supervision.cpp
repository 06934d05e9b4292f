#include "broker/supervision.hpp"

#include <utility>

namespace hubbub::broker {
namespace {

using namespace std::chrono_literals;

// One room alone never ends the node: beyond five it waits. Several at once that keep crashing do.
constexpr restart_limits room_limits{};
// A session does not come back, but whoever broke it does: it waits, and one of them alone never ends the
// node.
constexpr restart_limits connection_limits{.restarts = false};
// Its parts are few, and nothing goes without any of them.
constexpr restart_limits bus_limits{.of_child = 3, .of_all = 20, .within = 10s, .waits = 5};
constexpr restart_limits node_limits{.of_child = 0, .of_all = 0};

metric_counter* crash_counter(metrics& all, std::string_view name, std::string_view help) {
  return &all.counter(name, help);
}

} // namespace

supervision::supervision(const clock& time, log_sink& log, metrics& all)
    : node{{"node", "part", "a part gave up: the node ends", {}},
           node_limits,
           time,
           log,
           nullptr,
           [this](std::string_view why) { end(why); }},
      rooms{{"rooms", "room", "a room crashed and is rebuilt",
             "a room keeps crashing: its readers are sent away for a while"},
            room_limits,
            time,
            log,
            crash_counter(all, "hubbub_room_crashes_total", "Rooms that ended by an error and were rebuilt"),
            tell_node("rooms")},
      connections{{"connections", "session", "a connection's handler broke: its client is sent away",
                   "what a client does keeps breaking its sessions: it is refused for a while"},
                  connection_limits,
                  time,
                  log,
                  crash_counter(all, "hubbub_connection_crashes_total",
                                "Connections that ended by an error on the server's side"),
                  tell_node("connections")},
      bus{{"bus", "part", "a part of the bus broke and goes on",
           "a part of the bus keeps breaking: it waits, and begins anew"},
          bus_limits,
          time,
          log,
          crash_counter(all, "hubbub_bus_crashes_total", "Errors in the threads of the log and of NATS"),
          tell_node("bus")} {}

supervisor::escalation supervision::tell_node(std::string_view from) {
  return [this, from = std::string{from}](std::string_view why) { node.crashed(from, why); };
}

void supervision::end(std::string_view why) {
  std::function<void()> ends;
  {
    std::lock_guard hold{mutex_};
    why_ = why;
    over_.store(true, std::memory_order_release);
    ends = ends_;
  }
  if (ends)
    ends();
}

void supervision::on_end(std::function<void()> ends) {
  {
    std::lock_guard hold{mutex_};
    if (!over()) {
      ends_ = std::move(ends);
      return;
    }
  }
  ends();
}

std::string supervision::why() const {
  std::lock_guard hold{mutex_};
  return why_;
}

} // namespace hubbub::broker
