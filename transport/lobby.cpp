#include "transport/lobby.hpp"

#include "transport/http_session.hpp"
#include "transport/websocket.hpp"

#include <random>
#include <utility>

namespace hubbub::transport {
namespace {

// For one newcomer.
constexpr int most_looked_at = 256;
// In one turn, before those who are in have theirs.
constexpr std::size_t most_reminded = 32;

} // namespace

lobby::lobby(event_loop& at, listener_options options, broker::connection_acceptor* acceptor,
             broker::http_handler* http)
    : loop_{at},
      options_{std::move(options)},
      acceptor_{acceptor},
      http_{http},
      readers_{at.io(), options_.message_bytes},
      places_{options_.handshakes_at_once},
      wheel_{at.now()} {
  loop_.add(*this);
}

lobby::~lobby() {
  loop_.remove(*this);
  drop_all();
}

std::string& lobby::scratch() noexcept {
  scratch_.clear();
  return scratch_;
}

broker::handshake_place lobby::place_for_newcomer() {
  using enum broker::handshake_place;
  for (const auto kind : {common, reserved})
    if (places_.free(kind))
      return kind;
  if (crowd_out(sessions_))
    return common;
  return crowd_out(in_reserve_) ? reserved : none;
}

bool lobby::move_to_common(http_session& s) {
  using enum broker::handshake_place;
  if (!places_.free(common) && !crowd_out(sessions_))
    return false;
  places_.take(common);
  s.move_to(common);
  s.unlink();
  sessions_.push_back(s);
  return true;
}

bool lobby::crowd_out(hooked_list<http_session>& from) {
  auto looked_at = 0;
  for (auto& s : from) {
    if (s.gives_way(loop_.now())) {
      ++counters().crowded_out;
      s.drop();
      return true;
    }
    // Whoever came later is hardly slower. Those who have just gone, and some that are answered, are in
    // front.
    if (++looked_at == most_looked_at)
      break;
  }
  return false;
}

std::uint32_t lobby::come_again_ms() const noexcept { return acceptor_ ? acceptor_->come_again_ms() : 1000; }

void lobby::enter(http_session& s) {
  places_.take(s.place());
  (s.place() == broker::handshake_place::reserved ? in_reserve_ : sessions_).push_back(s);
  loop_.socket_opened();
  ++counters().half_open;
}

void lobby::leave(http_session& s) noexcept {
  s.unlink();
  if (s.is_turned_away())
    --counters().turning_away;
  loop_.socket_closed();
  --counters().half_open;
}

void lobby::enter(websocket& w) {
  open_.push_back(w);
  loop_.socket_opened();
  ++counters().websockets;
}

void lobby::closing(websocket& w) { closing_.splice(closing_.end(), open_, open_.iterator_to(w)); }

void lobby::leave(websocket& w) noexcept {
  w.unlink();
  loop_.socket_closed();
  --counters().websockets;
  delete &w;
}

void lobby::say_goodbye(const broker::disconnect& why) {
  std::minstd_rand random{std::random_device{}()};
  auto own = why;
  // Closing moves a connection to the other list.
  for (auto it = open_.begin(); it != open_.end();) {
    if (why.retry_after_ms != 0)
      own.retry_after_ms = 1 + static_cast<std::uint32_t>(random()) % why.retry_after_ms;
    (it++)->close(own);
  }
  for (auto* list : {&sessions_, &in_reserve_})
    for (auto& s : *list)
      s.end_when_idle();
}

void lobby::on_tick(broker::steady_time now) {
  if (!reminding_)
    remind_some();
  for (auto& w : closing_)
    if (now >= w.deadline())
      w.drop();
}

void lobby::remind_some() {
  reminding_ = wheel_.advance(
      loop_.now(), [](broker::timer_node& n) { static_cast<http_session::reminder&>(n).whom->on_late(); },
      most_reminded);
  if (reminding_)
    loop_.post([home = weak_from_this()] {
      if (const auto held = home.lock())
        held->remind_some();
    });
}

void lobby::on_stop() { drop_all(); }

void lobby::drop_all() {
  for (auto* list : {&sessions_, &in_reserve_})
    for (auto& s : *list)
      s.drop();
  for (auto* list : {&open_, &closing_})
    for (auto& w : *list)
      w.drop();
}

} // namespace hubbub::transport
