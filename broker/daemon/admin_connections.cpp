#include "actors/connection_actor.hpp"
#include "broker/daemon/admin_api.hpp"
#include "broker/daemon/admin_query.hpp"
#include "broker/daemon/disconnect_order.hpp"
#include "broker/daemon/loop_answers.hpp"
#include "broker/daemon/one_answer.hpp"
#include "broker/json_writer.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace hubbub::daemon {
namespace {

/// A connection as the list shows it.
struct row {
  std::string session;
  /// Empty: anonymous, or not authenticated yet.
  std::string user;
  std::string remote;
  std::size_t rooms;
};

std::string_view user_of(const actors::connection_actor& c) noexcept {
  return c.who() ? std::string_view{c.who()->user} : std::string_view{};
}

broker::http_response rows_answer(const std::string& node, const std::vector<std::vector<row>>& loops,
                                  std::size_t limit) {
  std::string json;
  broker::protocol::json_writer to{json};
  to.put("{\"node\":").text(node).put(",\"connections\":[");
  std::size_t shown = 0, all = 0;
  for (const auto& rows : loops)
    for (const auto& r : rows) {
      if (++all > limit)
        break;
      if (shown++ > 0)
        to.put(",");
      to.put("{\"session\":").text(r.session).put(",\"user\":").text_or_null(r.user);
      to.put(",\"remote\":").text(r.remote).put(",\"rooms\":").number(r.rooms).put("}");
    }
  to.put("],\"more\":").boolean(all > limit).put("}");
  return json_answer(std::move(json));
}

} // namespace

void admin_api::connections(admin_request&& r) {
  const auto limit = read_limit(r.query);
  if (!limit)
    return r.done(error_answer(limit.error()));
  const auto most = *limit + std::size_t{1};
  ask_loops<std::vector<row>>(
      parts_.actors,
      [most, user = read_text(r.query, "user")](actors::loop_unit& at) {
        std::vector<row> found;
        for (const auto* c : at.connections()) {
          if (found.size() == most)
            break;
          if (user.empty() || user_of(*c) == user)
            found.push_back(
                {c->session().str(), std::string{user_of(*c)}, std::string{c->remote()}, c->rooms()});
        }
        return found;
      },
      [node = parts_.node, limit = *limit, answer = std::make_shared<one_answer>(std::move(r.done))](
          const std::vector<std::vector<row>>& loops) { answer->give(rows_answer(node, loops, limit)); });
}

void admin_api::disconnect(admin_request&& r) {
  auto order = disconnect_order::parse(r.http.body);
  if (!order)
    return r.done(error_answer(order.error()));
  order->carry_out(parts_.actors,
                   [whom = order->whom.whom(), audit = parts_.audit,
                    answer = std::make_shared<one_answer>(std::move(r.done))](std::uint64_t closed) {
                     broker::audit(audit, {"disconnect", "admin", whom, closed});
                     answer->give(json_answer("{\"disconnected\":" + std::to_string(closed) + "}"));
                   });
}

void admin_api::revoke(admin_request&& r) {
  if (!parts_.revocations)
    return not_built(std::move(r));
  auto what = broker::read_revocation(r.http.body);
  if (!what)
    return r.done(error_answer(what.error()));
  what->made_ms = parts_.actors.context().time.unix_ms();
  auto whom = what->whom();
  parts_.revocations->revoke(std::move(*what), [whom = std::move(whom), audit = parts_.audit,
                                                done = std::move(r.done)](const broker::refusal& why) {
    if (why.code != broker::errc::ok)
      return done(error_answer(why));
    broker::audit(audit, {"revoke", "admin", whom, {}});
    done(json_answer("{\"revoked\":true}"));
  });
}

} // namespace hubbub::daemon
