#include "actors/admission.hpp"

#include "actors/come_again.hpp"
#include "actors/connection_actor.hpp"
#include "actors/counted_address.hpp"
#include "actors/culprit.hpp"
#include "actors/loop_unit.hpp"
#include "actors/node_metrics.hpp"
#include "actors/shown_ticket.hpp"
#include "actors/token_check.hpp"
#include "actors/user_place.hpp"

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/make_actor.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace hubbub::actors {
namespace {

constexpr std::string_view protocol_name = "hubbub.v1.json";
constexpr std::string_view bearer_prefix = "bearer.";

std::string chosen_protocol(const broker::handshake& h) {
  const auto offered = std::find(h.subprotocols.begin(), h.subprotocols.end(), protocol_name);
  return offered == h.subprotocols.end() ? std::string{} : *offered;
}

} // namespace

admission::admission(node_context& node, origin_rule origin)
    : node_{node},
      origin_{std::move(origin)},
      handshakes_{node.bounds.handshakes_per_second, node.salt},
      rates_{node.salt} {}

broker::door_answer admission::may_connect(std::string_view remote_address, bool tls) {
  using broker::door;
  const counted_address by{remote_address};
  const auto now = node_.time.now();
  std::lock_guard hold{mutex_};
  if (node_.bounds.connections != 0 && sockets_ >= node_.bounds.connections) {
    node_.log.limited(broker::log_level::warn, "admission", "connections",
                      "refused: the node has all the connections it may have", {{"connections", sockets_}});
    return {door::full, handshakes_.turn_away(now)};
  }
  if (node_.bounds.connections_per_ip != 0) {
    const auto there = by_address_.find(std::string{by.str()});
    if (there != by_address_.end() && there->second >= node_.bounds.connections_per_ip) {
      node_.log.limited(broker::log_level::warn, "admission", "per_ip",
                        "refused: an address has all the connections it may have",
                        {{"address", remote_address}});
      return {door::full, handshakes_.turn_away(now)};
    }
  }
  if (const auto rate = node_.bounds.handshakes_per_second_per_ip; rate != 0)
    if (const auto wait = rates_.take(by.str(), rate, now); wait != 0) {
      node_.log.limited(broker::log_level::warn, "admission", "rate_per_ip",
                        "refused: an address connects more often than it may", {{"address", remote_address}});
      // It is not among those for whom the node has no room: others need not wait longer for it.
      return {door::too_often, wait};
    }
  if (tls && !handshakes_.may_begin(now)) {
    node_.log.limited(broker::log_level::warn, "admission", "before_tls",
                      "refused before TLS: too many handshakes at once",
                      {{"per_second", static_cast<std::int64_t>(handshakes_.rate())}});
    return {door::before_tls, handshakes_.turn_away(now)};
  }
  if (node_.bounds.connections_per_ip != 0)
    ++by_address_[std::string{by.str()}];
  ++sockets_;
  return {};
}

void admission::disconnected(std::string_view remote_address) {
  std::lock_guard hold{mutex_};
  --sockets_;
  if (node_.bounds.connections_per_ip == 0)
    return;
  const auto it = by_address_.find(std::string{counted_address{remote_address}.str()});
  if (it != by_address_.end() && --it->second == 0)
    by_address_.erase(it);
}

std::uint32_t admission::come_again_ms() {
  const auto now = node_.time.now();
  std::lock_guard hold{mutex_};
  return handshakes_.turn_away(now);
}

broker::milliseconds admission::longest_lag() const {
  std::chrono::nanoseconds longest{};
  for (const auto* unit : node_.loops)
    longest = std::max(longest, unit->loop().lag());
  return std::chrono::duration_cast<broker::milliseconds>(longest);
}

std::uint32_t admission::hold_up(bool resumes) {
  const auto now = node_.time.now();
  std::lock_guard hold{mutex_};
  const auto lag = handshakes_.judges(now) ? longest_lag() : broker::milliseconds{0};
  return handshakes_.ask(now, lag, resumes).retry_after_ms;
}

bool admission::only_cookie(const broker::handshake& h) noexcept {
  return !h.cookie_token.empty() && h.ticket().empty() && token_of(h).data() == h.cookie_token.data();
}

std::string_view admission::token_of(const broker::handshake& h) noexcept {
  if (!h.bearer.empty())
    return h.bearer;
  for (const auto& offered : h.subprotocols)
    if (offered.starts_with(bearer_prefix))
      return std::string_view{offered}.substr(bearer_prefix.size());
  if (!h.query_token.empty())
    return h.query_token;
  return h.cookie_token;
}

broker::result<std::shared_ptr<const broker::identity>> admission::verify(const broker::handshake& h,
                                                                          std::uint32_t loop) const {
  const auto token = token_of(h);
  if (token.empty()) {
    static const auto nobody = std::make_shared<const broker::identity>();
    return node_.anonymous ? nobody : nullptr;
  }
  auto verified = check_token(node_, loop, token);
  if (!verified)
    return verified.error();
  if (node_.revoked && node_.revoked->has({}, *verified))
    return broker::refusal{broker::errc::unauthorized, "the token was revoked"};
  mind_long_life(node_, *verified);
  return std::make_shared<const broker::identity>(std::move(*verified));
}

broker::result<broker::admitted> admission::admit(const broker::handshake& h, broker::loop& at) {
  auto in = judge(h, at);
  if (!in && node_.notices && node_.notices->wants(broker::notice_kind::refused)) {
    broker::notice n;
    n.what = broker::notice_kind::refused;
    n.code = broker::name(in.error().code);
    n.message = in.error().message;
    node_.notices->put(std::move(n));
  }
  return in;
}

broker::result<broker::admitted> admission::put_off(const broker::handshake& h, const broker::refusal& why,
                                                    broker::close_code code) {
  // Only browsers say where they come from, and only they cannot read the answer to a handshake.
  if (h.origin.empty())
    return why;
  broker::admitted in;
  in.handler = std::make_shared<come_again>(broker::disconnect{code, why.message, why.retry_after_ms});
  in.subprotocol = chosen_protocol(h);
  in.deflate = false;
  in.put_off = why.code;
  return in;
}

broker::result<broker::admitted> admission::judge(const broker::handshake& h, broker::loop& at) {
  constexpr auto overloaded = broker::errc::overloaded;
  if (origin_)
    if (auto why = origin_(h); why.code != broker::errc::ok)
      return why;
  std::shared_ptr<const broker::identity> who;
  broker::session_id session;
  if (const auto shown = h.ticket(); !shown.empty()) {
    auto why =
        broker::refusal{broker::errc::not_supported, "this server gives no tickets: connect with a token"};
    if (node_.tickets) {
      auto opened = open_shown_ticket(node_, at.index(), shown);
      if (auto* t = std::get_if<broker::ticket>(&opened)) {
        who = std::make_shared<const broker::identity>(std::move(t->who));
        session = t->session;
      } else {
        why = broker::refused(std::get<broker::ticket_flaw>(opened));
      }
    }
    // Whoever shows one alone expects its rooms back: what was passed over in silence would be missed later.
    if (!session && (token_of(h).empty() || token_of(h).data() == h.cookie_token.data()))
      return why;
  }
  if (!session && h.newcomers_wait_ms != 0)
    return put_off(
        h, {overloaded, "the places that are left are kept for those who resume", h.newcomers_wait_ms});
  // Before the token, which costs more than all else here.
  if (const auto wait = hold_up(static_cast<bool>(session)); wait != 0)
    return put_off(h, {overloaded, "too many handshakes at once", wait});
  if (session) {
    node_.counts.ticket_handshakes.add(at.index());
  } else {
    auto verified = verify(h, at.index());
    if (!verified)
      return verified.error();
    who = std::move(*verified);
  }
  if (const auto wait = culprit_waits(node_, at.index(), who.get(), h.remote_address); wait.count() != 0)
    return put_off(h, {overloaded, keeps_crashing, static_cast<std::uint32_t>(wait.count())});
  const auto by_ticket = static_cast<bool>(session);
  if (!by_ticket)
    session = broker::session_id::random();
  static const std::string nobody;
  auto place = place_for(node_, who ? who->user : nobody, session);
  if (!place)
    return put_off(h, place.error(), too_many(place.error()).code);
  auto& unit = *node_.loops[at.index()];
  caf::actor_config how{&unit};
  auto address = caf::make_actor<connection_actor, caf::strong_actor_ptr>(
      node_.system->next_actor_id(), node_.system->node(), node_.system, how, unit,
      connection_actor::arrival{std::move(who), session, by_ticket, std::move(*place)});
  auto* raw = static_cast<connection_actor*>(address->get());
  broker::admitted in;
  // The transport holds the actor as long as the socket lives.
  in.handler = std::shared_ptr<broker::connection_handler>{raw, [address = std::move(address)](auto*) {}};
  in.subprotocol = chosen_protocol(h);
  const auto& spaces = node_.spaces;
  in.deflate = spaces.fallback().deflate || std::any_of(spaces.declared().begin(), spaces.declared().end(),
                                                        [](const auto& s) { return s.second.deflate; });
  return in;
}

} // namespace hubbub::actors
