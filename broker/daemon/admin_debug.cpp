#ifdef HUBBUB_DEBUG_COMMANDS

#include "actors/actor_node.hpp"
#include "actors/connection_actor.hpp"
#include "broker/daemon/admin_api.hpp"
#include "broker/daemon/admin_query.hpp"
#include "broker/daemon/http_answer.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/sec.hpp>
#include <caf/spawn_options.hpp>
#include <caf/system_messages.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

// What breaks a node, so that tests can see how it bears it. No release has this.
namespace hubbub::daemon {
namespace {

constexpr auto asked_to_break = "asked to by /v1/debug";

[[noreturn]] void stand_still() {
  for (;;)
    std::this_thread::sleep_for(std::chrono::hours{1});
}

/// Everybody who is there, or one of them.
void crash_connections(actors::loop_unit& at, const std::string& session) {
  // Those who go leave the list.
  const auto all = at.connections();
  for (auto* c : all)
    if (session.empty() || c->session().str() == session)
      c->guarded([] { throw std::runtime_error{asked_to_break}; });
}

void crash_rooms(actors::actor_node& node, const std::string& prefix) {
  for (const auto& row : node.rooms().list(prefix, {}, 1000))
    if (const auto room = node.rooms().find(*broker::room_name::parse(row.room)))
      room->tell(caf::exit_msg{{}, caf::make_error(caf::sec::runtime_error, asked_to_break)}, nullptr);
}

/// In the thread that reads the log; a log without one has nobody to break.
void crash_bus(broker::event_bus& bus) {
  broker::read_request what;
  what.room = *broker::room_name::parse("debug.none");
  const auto here = std::this_thread::get_id();
  bus.read(std::move(what), [here](const broker::read_result&) {
    if (std::this_thread::get_id() != here)
      throw std::runtime_error{asked_to_break};
  });
}

} // namespace

void admin_api::debug(admin_request&& r) {
  const auto hang = read_text(r.query, "hang");
  const auto crash = read_text(r.query, "crash");
  const auto whom = read_text(r.query, "whom");
  auto& node = parts_.actors;
  const auto loop =
      static_cast<std::size_t>(r.query.number("loop", 0).value_or(0)) % node.context().loops.size();
  // A moment later, as the answer goes out through a loop.
  const auto soon = [&node, loop](void (*what)()) {
    std::thread{[&unit = node.unit(loop), what] {
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
      unit.post([what] { what(); });
    }}.detach();
  };
  if (hang == "loop") {
    soon([] { stand_still(); });
  } else if (hang == "worker") {
    node.system().spawn<caf::hidden>([](caf::event_based_actor*) { stand_still(); });
  } else if (crash == "loop") {
    soon([] { throw std::runtime_error{asked_to_break}; });
  } else if (crash == "connection") {
    for (auto* unit : node.context().loops)
      unit->post([unit, whom] { crash_connections(*unit, whom); });
  } else if (crash == "room") {
    crash_rooms(node, whom);
  } else if (crash == "bus") {
    crash_bus(parts_.bus);
  } else {
    return r.done(error_answer(
        {broker::errc::bad_command, "say hang=loop|worker, or crash=loop|connection|room|bus and whom"}));
  }
  r.done(status_answer("as you like"));
}

} // namespace hubbub::daemon

#endif
