// What a client asks of a backend, and what it is told of the answer.
#include "actors/connection_actor.hpp"

#include "actors/node_metrics.hpp"

#include <caf/message.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace hubbub::actors {

broker::backend_handler connection_actor::backend_answer_to(std::uint32_t slot) {
  // Weak: a client that has gone is not kept by what it waited for.
  return [me = caf::actor_cast<caf::weak_actor_ptr>(this), slot](broker::backend_answer a) {
    if (const auto to = caf::actor_cast<caf::strong_actor_ptr>(me))
      to->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, answer{slot, std::move(a)}),
                  nullptr);
  };
}

broker::refusal connection_actor::backend_share() const {
  // An answer keeps its place until the client reads it, so one client that does not could take them all.
  constexpr std::uint32_t part = 32;
  const auto most = std::max(at_.node().bounds.backend_requests / part, 1u);
  if (questions_.count(question::kind::accept) + questions_.count(question::kind::call) + held_.size() < most)
    return {broker::errc::ok};
  return {broker::errc::overloaded,
          "as many requests of this connection wait for backends as may: " + std::to_string(most),
          broker::retry_soon_ms};
}

void connection_actor::run_publish_via_backend(const std::string& id, broker::event&& what) {
  auto* backend = at_.node().backend;
  if (!backend)
    return refuse(id,
                  {broker::errc::not_supported,
                   "this namespace is published to through a backend, and there is no NATS to reach one"});
  // A retry needs it, and the backend's event bears it.
  if (what.event_id.empty())
    what.event_id = broker::session_id::random().str();
  what.time_ms = at_.node().time.unix_ms();
  if (auto full = backend_share(); full.code != broker::errc::ok) {
    question q;
    q.what = question::kind::accept;
    q.id = id;
    q.text = what.event_id;
    broker::backend_answer no;
    no.why = std::move(full);
    return backend_said(q, no);
  }
  auto& q = questions_.ask(question::kind::accept, id, what.room);
  q.text = what.event_id;
  backend->publish(std::move(what), to_.session, backend_answer_to(q.slot));
}

void connection_actor::run_call(const std::string& id, broker::call_command&& c) {
  auto* backend = at_.node().backend;
  if (!backend)
    return refuse(id,
                  {broker::errc::not_supported, "methods are backends', and there is no NATS to reach one"});
  const auto rights = at_.node().spaces.of(c.method.space()).anyone | who_->allowed.on(c.method.str());
  if (!has(rights, broker::right::call))
    return refuse(id, {broker::errc::forbidden, "no grant to call: " + c.method.str()});
  if (const auto full = backend_share(); full.code != broker::errc::ok)
    return refuse(id, full);
  const auto& q = questions_.ask(question::kind::call, id, {});
  backend->call({std::move(c.method), std::move(c.data), to_.session, who_->user}, backend_answer_to(q.slot));
}

void connection_actor::backend_said(const question& q, broker::backend_answer& a) {
  auto& text = at_.text();
  if (a.why.code != broker::errc::ok) {
    count_refused(a);
    broker::protocol::encode_error(text, q.id, a, q.text);
  } else if (q.what == question::kind::accept) {
    broker::protocol::encode_ok_accepted(text, q.id, q.text);
  } else {
    broker::protocol::encode_ok_call(text, q.id, a);
    // Answers come when backends please, many at once, and the lane is short.
    const auto bytes = to_.wire->control_bytes();
    if (!held_.empty() || (bytes != 0 && bytes + text.size() > at_.node().bounds.control_bytes / 2)) {
      held_.push_back({text, std::move(a.place)});
      return;
    }
  }
  said(text);
}

void connection_actor::say_held() {
  std::size_t done = 0;
  while (open_ && !closing_ && done < held_.size() &&
         to_.wire->control_bytes() <= at_.node().bounds.control_bytes / 4)
    said(held_[done++].text);
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(done));
  if (held_.empty())
    std::vector<held_answer>{}.swap(held_);
}

void connection_actor::tell_backends(broker::notice_kind what) {
  auto* notices = at_.node().notices;
  if (!notices || !notices->wants(what))
    return;
  broker::notice n;
  n.what = what;
  n.session = to_.session;
  n.user = who_->user;
  notices->put(std::move(n));
}

void connection_actor::tell_disconnected() {
  if (std::exchange(told_connected_, false))
    tell_backends(broker::notice_kind::disconnected);
}

void connection_actor::tell_refused(std::string_view code, std::string_view message) {
  auto* notices = at_.node().notices;
  if (!notices || !notices->wants(broker::notice_kind::refused))
    return;
  broker::notice n;
  n.what = broker::notice_kind::refused;
  n.session = to_.session;
  if (who_)
    n.user = who_->user;
  n.code = code;
  n.message = message;
  notices->put(std::move(n));
}

void connection_actor::count_refused(const broker::backend_answer& a) {
  if (a.code.empty())
    return count_refused(a.why);
  // A label's values must be few, and the backend's codes are as many as it likes.
  at_.node().counts.refused_by_backend(at_.index());
  tell_refused(a.code, a.why.message);
}

} // namespace hubbub::actors
