#include "broker/daemon/disconnect_order.hpp"

#include "actors/connection_actor.hpp"
#include "broker/daemon/loop_answers.hpp"

#include <simdjson.h>

#include <numeric>
#include <utility>
#include <vector>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

/// Fills in what is left out by default. Not `ok`: it is there and no flag, or twice.
refusal take_reconnect(std::string_view json, bool& to) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get_object().get(object) != simdjson::SUCCESS)
    return {errc::bad_frame, "the body is not a JSON object"};
  auto seen = false;
  for (auto [name, value] : object) {
    if (name != "reconnect")
      continue;
    if (std::exchange(seen, true))
      return {errc::bad_command, "field `reconnect` is there more than once"};
    if (value.get_bool().get(to) != simdjson::SUCCESS)
      return {errc::bad_command, "field `reconnect` must be true or false"};
  }
  return {errc::ok};
}

} // namespace

broker::result<disconnect_order> disconnect_order::parse(std::string_view json) {
  auto whom = broker::read_revocation(json);
  if (!whom)
    return whom.error();
  disconnect_order out;
  out.whom = std::move(*whom);
  if (auto why = take_reconnect(json, out.reconnect); why.code != errc::ok)
    return why;
  return out;
}

broker::disconnect disconnect_order::goodbye() const {
  using broker::close_code;
  if (reconnect)
    return {close_code::evicted, "disconnected by an administrator", 1000};
  return {close_code::revoked, "disconnected by an administrator"};
}

void disconnect_order::carry_out(actors::actor_node& on,
                                 std::function<void(std::uint64_t closed)> done) const {
  ask_loops<std::uint64_t>(
      on,
      [order = *this](actors::loop_unit& at) {
        std::uint64_t closed = 0;
        for (auto* c : at.connections())
          if (order.whom.means(c->session(), c->who())) {
            c->close(order.goodbye());
            ++closed;
          }
        return closed;
      },
      [who = whom.whom(), &log = on.context().log,
       done = std::move(done)](const std::vector<std::uint64_t>& loops) {
        const auto all = std::accumulate(loops.begin(), loops.end(), std::uint64_t{0});
        log.info("admin", "an administrator disconnected clients",
                 {{who.first, who.second}, {"connections", all}});
        done(all);
      });
}

} // namespace hubbub::daemon
