#include "actors/actor_node.hpp"
#include "actors/reply_actor.hpp"
#include "broker/daemon/admin_api.hpp"
#include "broker/daemon/http_answer.hpp"
#include "broker/daemon/publish_deadlines.hpp"
#include "broker/daemon/publish_request.hpp"
#include "broker/protocol_reader.hpp"
#include "broker/protocol_understand.hpp"

#include <utility>

namespace hubbub::daemon {
namespace {

using broker::errc;

constexpr std::uint32_t most_events = 1000;

bool is_list(std::string_view body) {
  return body.substr(body.find_first_not_of(" \t\r\n")).starts_with('[');
}

} // namespace

void admin_api::publish(admin_request&& r) {
  const auto& node = parts_.actors.context();
  broker::protocol::parse_limits bounds;
  bounds.payload_bytes = node.bounds.payload_bytes;
  bounds.batch = most_events;
  broker::protocol::message_reader reader{bounds};
  if (auto wrong = reader.read(r.http.body); wrong.code != errc::ok)
    return r.done(error_answer(wrong));
  const auto& elements = reader.envelopes();
  auto request = std::make_shared<publish_request>(!is_list(r.http.body), elements.size(), std::move(r.done));
  const auto asker =
      actors::reply_actor::make(*node.system, [request](actors::answer& a) { request->answered(a); });
  for (std::size_t i = 0; i < elements.size(); ++i) {
    broker::event e;
    if (auto wrong = broker::protocol::read_event(elements[i], bounds, e); wrong.code != errc::ok) {
      request->refused(i, std::move(wrong));
      continue;
    }
    e.from_backend = true;
    request->note(i, e.event_id, node.spaces.of(e.room).kind == broker::room_kind::live);
    const auto room = e.room;
    const actors::caller from{asker, static_cast<std::uint32_t>(i)};
    if (parts_.actors.rooms().offer(room, actors::publish_message{from, std::move(e)}, nullptr) != errc::ok)
      request->not_taken(i, parts_.actors.rooms().why_not(room));
  }
  deadlines_->add(request);
}

} // namespace hubbub::daemon
