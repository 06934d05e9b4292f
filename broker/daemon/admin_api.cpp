#include "broker/daemon/admin_api.hpp"

#include "actors/actor_node.hpp"
#include "broker/daemon/http_answer.hpp"
#include "broker/daemon/publish_deadlines.hpp"

#include <string_view>
#include <utility>

namespace hubbub::daemon {

using broker::errc;

struct admin_api::route {
  std::string_view path;
  /// `GET` stands for HEAD too, whose body the transport leaves out.
  std::string_view method;
  void (admin_api::*serve)(admin_request&& r);
  /// Needs no key: for probes.
  bool open = false;

  [[nodiscard]] bool takes(std::string_view asked) const noexcept {
    return asked == method || (asked == "HEAD" && method == "GET");
  }
  [[nodiscard]] std::string_view allowed() const noexcept { return method == "GET" ? "GET, HEAD" : method; }
};

const std::vector<admin_api::route>& admin_api::routes() {
  static const std::vector<route> all{
      {"/v1/publish", "POST", &admin_api::publish},
      {"/v1/rooms", "GET", &admin_api::rooms},
      {"/v1/rooms/{}/history", "GET", &admin_api::history},
      {"/v1/rooms/{}/presence", "GET", &admin_api::presence},
      {"/v1/connections", "GET", &admin_api::connections},
      {"/v1/disconnect", "POST", &admin_api::disconnect},
      {"/v1/revoke", "POST", &admin_api::revoke},
      {"/v1/drain", "POST", &admin_api::drain},
      {"/v1/supervisors", "GET", &admin_api::supervisors},
      {"/v1/node", "GET", &admin_api::node},
#ifdef HUBBUB_DEBUG_COMMANDS
      {"/v1/debug", "POST", &admin_api::debug},
#endif
      {"/metrics", "GET", &admin_api::metrics},
      {"/healthz", "GET", &admin_api::health, true},
      {"/readyz", "GET", &admin_api::ready, true},
  };
  return all;
}

admin_api::admin_api(parts p)
    : parts_{std::move(p)},
      deadlines_{
          std::make_shared<publish_deadlines>(*parts_.actors.context().system, parts_.publish_within)} {}

admin_api::~admin_api() = default;

void admin_api::handle(broker::http_request request, std::function<void(broker::http_response)> done) {
  if (auto why = parts_.origins.check(request.origin, request.host); why.code != errc::ok)
    return done(error_answer(why));
  const route* found = nullptr;
  std::optional<std::vector<std::string>> inside;
  for (const auto& r : routes())
    if (inside = match_path(r.path, request.path); inside) {
      found = &r;
      break;
    }
  if (!(found && found->open) && !parts_.keys.opened_by(request.authorization))
    return done(error_answer({errc::unauthorized, "an admin key is needed: Authorization: Bearer <key>"}));
  if (!found)
    return done(not_found());
  if (!found->takes(request.method))
    return done(wrong_method(found->allowed()));
  auto query = query_parameters::parse(request.query);
  if (!query)
    return done(error_answer(
        {errc::bad_command, "the query has a broken encoding, a name twice, or more than 64 names"}));
  (this->*found->serve)({std::move(request), std::move(*query), std::move(*inside), std::move(done)});
}

void admin_api::health(admin_request&& r) { r.done(status_answer("ok")); }

broker::refusal admin_api::readiness() const {
  if (!parts_.serving())
    return {errc::unavailable, "the node is starting or stopping"};
  if (parts_.ready_without_bus)
    return {errc::ok};
  return parts_.bus.health();
}

void admin_api::ready(admin_request&& r) {
  if (auto why = readiness(); why.code != errc::ok)
    return r.done(error_answer(503, why));
  r.done(status_answer("ready"));
}

void admin_api::drain(admin_request&& r) {
  // As an orchestrator asks: the process's main thread takes it, and ends.
  broker::audit(parts_.audit, {"drain", "admin", {}, {}});
  r.done(status_answer("draining", 202));
  if (!drain_asked_.exchange(true))
    parts_.drain();
}

void admin_api::metrics(admin_request&& r) {
  broker::http_response out;
  out.content_type = broker::metrics::content_type;
  parts_.metrics.write(out.body);
  r.done(std::move(out));
}

void admin_api::not_built(admin_request&& r) { r.done(daemon::not_built(r.http.path)); }

} // namespace hubbub::daemon
