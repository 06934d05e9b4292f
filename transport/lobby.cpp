#include "transport/lobby.hpp"

#include "transport/http_session.hpp"
#include "transport/websocket.hpp"

#include <cstdint>
#include <random>
#include <utility>

namespace hubbub::transport {
namespace {

// For one newcomer.
constexpr int most_looked_at = 256;

} // namespace

lobby::lobby(event_loop& at, listener_options options, broker::connection_acceptor* acceptor,
             broker::http_handler* http)
    : loop_{at},
      options_{std::move(options)},
      acceptor_{acceptor},
      http_{http},
      readers_{at.io(), options_.message_bytes} {
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

bool lobby::has_place() {
  if (options_.handshakes_at_once == 0 || places_taken_ < options_.handshakes_at_once)
    return true;
  auto looked_at = 0;
  for (auto& s : sessions_) {
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
  sessions_.push_back(s);
  ++places_taken_;
  loop_.socket_opened();
  ++counters().half_open;
}

void lobby::turning_away() noexcept {
  --places_taken_;
  ++counters().turning_away;
}

void lobby::leave(http_session& s) noexcept {
  s.unlink();
  if (s.is_turned_away())
    --counters().turning_away;
  else
    --places_taken_;
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
  for (auto& s : sessions_)
    s.end_when_idle();
}

void lobby::on_tick(broker::steady_time now) {
  for (auto& s : sessions_)
    s.on_tick(now);
  for (auto& w : closing_)
    if (now >= w.deadline())
      w.drop();
}

void lobby::on_stop() { drop_all(); }

void lobby::drop_all() {
  for (auto& s : sessions_)
    s.drop();
  for (auto* list : {&open_, &closing_})
    for (auto& w : *list)
      w.drop();
}

} // namespace hubbub::transport
