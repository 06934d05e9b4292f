#include "transport/http_session.hpp"

#include "transport/http_message.hpp"
#include "transport/upgrade.hpp"
#include "transport/websocket.hpp"

#include <boost/beast/http/parser.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <sys/epoll.h>
#include <tuple>
#include <utility>

namespace hubbub::transport {

namespace {

namespace http = boost::beast::http;
using broker::handshake_place;
using namespace std::chrono_literals;

constexpr std::uint32_t header_bytes = 16'384;
/// How long who is turned away may take for its TLS handshake.
constexpr auto turn_away_within = 2s;
/// How long a handler may take.
constexpr auto handle_within = 60s;
/// Whoever waits in a reserved place has this part of the patience that others have: enough for a TLS
/// handshake over a slow network, and too short for sockets that say nothing to keep those out who resume.
constexpr auto part_in_reserve = 4;
constexpr auto kept_for_others = "the places that are left are kept for those who resume";

} // namespace

struct http_session::parser : http::request_parser<http::string_body> {};

void http_session::forget_request() { parser_.reset(); }

void http_session::serve(lobby& home, wire socket, visit guest, broker::handshake_place place) {
  auto session = std::make_shared<http_session>(home, std::move(socket), std::move(guest), place);
  session->self_ = session;
  if (!session->start(EPOLLIN))
    session->drop();
}

void http_session::turn_away(lobby& home, wire socket, const broker::refusal& why) {
  auto session = std::make_shared<http_session>(home, std::move(socket), visit{}, handshake_place::none);
  session->self_ = session;
  if (!session->start(EPOLLIN))
    return session->drop();
  session->turned_away_ = true;
  ++home.counters().turning_away;
  session->no_ = std::make_unique<broker::http_response>(error_response(why));
  session->end_by(home.loop().now() + turn_away_within);
  std::ignore = session->say_no();
}

http_session::http_session(lobby& home, wire socket, visit guest, broker::handshake_place place)
    : home_{home},
      wire_{std::move(socket)},
      guest_{std::move(guest)},
      since_{home.loop().now()},
      place_{place} {
  reminder_.whom = this;
  end_by(since_ + home.options().handshake_within);
  home_.enter(*this);
}

http_session::~http_session() = default;

bool http_session::start(std::uint32_t events) {
  armed_ = events;
  return home_.loop().watch(wire_.descriptor(), events, *this);
}

// --- Requests ---

void http_session::on_ready(std::uint32_t events) {
  if (phase_ == phase::dead)
    return;
  if (events & EPOLLERR)
    return drop();
  if (events & EPOLLOUT) {
    if (full_)
      send();
    if (phase_ != phase::dead && wire_.read_wants_write())
      ask_again();
  }
  if (phase_ == phase::dead || !(events & (EPOLLIN | EPOLLHUP)))
    return;
  switch (phase_) {
  case phase::reading:
    return read();
  case phase::lingering:
    return discard();
  default:
    break;
  }
  if (events & EPOLLHUP)
    return drop();
  listening_ = false; // until the answer has gone
  rearm();
}

void http_session::on_again() {
  asked_again_ = false;
  if (phase_ == phase::reading)
    read();
}

void http_session::read() {
  std::array<char, 8192> bytes;
  const auto n = wire_.read(bytes.data(), bytes.size());
  if ((n == wire::again || n > 0) && say_no())
    return;
  if (n == wire::again)
    return rearm();
  if (n <= 0) {
    if (!wire_.ready() && !turned_away_)
      ++home_.counters().tls_failed;
    return drop();
  }
  if (std::exchange(idle_, false))
    end_by(home_.loop().now() + home_.options().handshake_within);
  in_.append(bytes.data(), static_cast<std::size_t>(n));
  process();
  if (phase_ == phase::reading && wire_.holds_bytes())
    ask_again();
  if (phase_ != phase::dead)
    rearm();
}

bool http_session::say_no() {
  if (!no_ || !wire_.ready())
    return false;
  refuse(*std::exchange(no_, nullptr));
  return true;
}

void http_session::process() {
  // An answer that leaves at once comes back here for the next request.
  if (std::exchange(processing_, true))
    return;
  while (phase_ == phase::reading && !in_.empty() && parse()) {
  }
  processing_ = false;
}

bool http_session::parse() {
  if (!parser_) {
    parser_ = std::make_unique<parser>();
    parser_->eager(true);
    parser_->header_limit(header_bytes);
    parser_->body_limit(home_.options().http_body_bytes);
    continued_ = false;
    head_ = false;
  }
  boost::beast::error_code ec;
  const auto taken = parser_->put(boost::asio::buffer(in_), ec);
  in_.erase(0, taken);
  if (ec && ec != http::error::need_more) {
    ++home_.counters().bad_requests;
    if (ec == http::error::header_limit)
      refuse(error_response(431, "too_large", "the request's header is larger than 16384 bytes"));
    else if (ec == http::error::body_limit)
      refuse(error_response(413, "too_large", "the request's body is larger than the limit"));
    else
      refuse(error_response(400, "bad_frame", "this is not HTTP/1.1: " + ec.message()));
    return false;
  }
  if (parser_->is_done()) {
    dispatch();
    return true;
  }
  // The parser takes a chunk's header, and what follows the last one, only as a whole.
  if (in_.size() > header_bytes) {
    ++home_.counters().bad_requests;
    refuse(error_response(431, "too_large", "a chunk's header or the trailers are larger than 16384 bytes"));
    return false;
  }
  if (parser_->is_header_done() && !std::exchange(continued_, true) &&
      boost::beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    send();
  }
  return taken != 0;
}

void http_session::dispatch() {
  const auto& request = parser_->get();
  keep_alive_ = keep_alive_ && request.version() >= 11 && request.keep_alive();
  head_ = request.method() == http::verb::head;
  if (is_of_unknown_length(request, parser_->chunked())) {
    ++home_.counters().bad_requests;
    return refuse(
        error_response(400, "bad_frame", "this is not HTTP/1.1: Transfer-Encoding does not end in chunked"));
  }
  const auto target = request.target();
  const auto path = target.substr(0, target.find('?'));
  if (home_.options().websocket && home_.acceptor() && path == home_.options().websocket_path)
    return upgrade();
  if (asks_for_websocket(request) && request.method() == http::verb::get) {
    ++home_.counters().refused_other;
    return refuse(error_response(404, "bad_command", "there is no WebSocket at this path"));
  }
  handle();
}

std::uint32_t http_session::needs_a_place() {
  if (place_ != handshake_place::reserved || home_.move_to_common(*this))
    return 0;
  return home_.come_again_ms();
}

void http_session::upgrade() {
  const auto& request = parser_->get();
  auto& counters = home_.counters();
  if (auto fault = upgrade_fault(request); fault.status) {
    ++counters.refused_other;
    return refuse(fault);
  }
  auto shown = read_handshake(request, guest_.address(), wire_.tls());
  const bool shows_ticket = !shown.ticket().empty();
  // Whoever shows a ticket takes nobody's place, but it must count.
  if (!shows_ticket)
    shown.newcomers_wait_ms = needs_a_place();
  else if (place_ == handshake_place::reserved)
    shown.newcomers_wait_ms = home_.come_again_ms();
  auto& put_off =
      shown.newcomers_wait_ms != 0 && !shows_ticket ? counters.refused_reserved : counters.refused_overloaded;
  auto welcome = home_.acceptor()->admit(shown, home_.loop());
  if (!welcome) {
    const auto response = error_response(welcome.error());
    ++(response.status == 503 ? put_off : counters.refused(response.status, welcome.error().code));
    return refuse(response);
  }
  switch (welcome->put_off) {
  case broker::errc::ok:
    ++counters.upgraded;
    break;
  case broker::errc::too_many_connections:
    ++counters.refused_user;
    break;
  default:
    ++put_off;
  }
  const bool deflate = welcome->deflate && offers_deflate(request);
  auto response = upgrade_response(request, welcome->subprotocol, deflate);
  // From here on the socket's events are the WebSocket's.
  phase_ = phase::dead;
  move_to(handshake_place::none);
  home_.loop().bury(*this);
  auto* socket =
      new websocket{home_, std::move(wire_), std::move(guest_), std::move(welcome->handler),
                    deflate ? broker::wire_format::websocket_deflate : broker::wire_format::websocket};
  socket->open(response, std::exchange(in_, {}));
}

void http_session::handle() {
  if (const auto wait = needs_a_place(); wait != 0) {
    ++home_.counters().refused_reserved;
    return refuse(error_response(503, "overloaded", kept_for_others, wait));
  }
  if (!home_.http())
    return answer(error_response(404, "bad_command", "nothing is served here"));
  ++home_.counters().http_requests;
  auto request = read_request(parser_->release(), guest_.address());
  parser_.reset();
  phase_ = phase::handling;
  end_by(home_.loop().now() + handle_within);
  // The answer may come on any thread, when the session or even the loop is gone.
  home_.http()->handle(std::move(request), [here = weak_from_this(),
                                            inbox = home_.loop().remote()](broker::http_response response) {
    if (inbox->on_owner_thread()) {
      if (auto session = here.lock(); session && session->phase_ == phase::handling)
        session->answer(response);
      return;
    }
    auto carried = std::make_shared<broker::http_response>(std::move(response));
    inbox->post([here, carried] {
      if (auto session = here.lock(); session && session->phase_ == phase::handling)
        session->answer(*carried);
    });
  });
}

// --- The end ---

void http_session::end_by(broker::steady_time deadline) { home_.wheel().schedule(reminder_, deadline); }

void http_session::on_late() {
  if (phase_ == phase::dead)
    return;
  if (phase_ == phase::lingering || (phase_ == phase::reading && (idle_ || no_)))
    return drop();
  ++home_.counters().timed_out;
  if (phase_ == phase::handling) {
    keep_alive_ = false;
    return answer(error_response(504, "timeout", "the answer did not come in time"));
  }
  // Who has sent something that can be answered is told.
  if (phase_ == phase::reading && !full_ && wire_.ready())
    return refuse(error_response(408, "timeout", "the request did not come in time"));
  drop();
}

void http_session::end_when_idle() {
  if (phase_ == phase::reading && idle_)
    drop();
  else
    keep_alive_ = false;
}

void http_session::drop() {
  if (phase_ == phase::dead)
    return;
  phase_ = phase::dead;
  move_to(handshake_place::none);
  wire_.close();
  home_.loop().bury(*this);
}

bool http_session::gives_way(broker::steady_time now) const noexcept {
  // Who is turned away has no place to give.
  if (place_ == handshake_place::none || (phase_ != phase::reading && phase_ != phase::answering))
    return false;
  const auto patience = home_.options().handshake_patience;
  // Who asks again and again is no handshake that is under way, however quick it is.
  const auto since = phase_ == phase::reading && served_ ? came_ : since_;
  return now - since >= (place_ == handshake_place::reserved ? patience / part_in_reserve : patience);
}

void http_session::move_to(handshake_place place) noexcept { home_.give_back(std::exchange(place_, place)); }

void http_session::on_buried() {
  home_.leave(*this);
  self_.reset();
}

void http_session::ask_again() {
  if (!std::exchange(asked_again_, true))
    home_.loop().again(*this);
}

void http_session::rearm() {
  // A TLS handshake may wait for the socket to take its answer: then readability means nothing.
  const bool waits = wire_.read_wants_write();
  std::uint32_t wanted = listening_ && !waits ? EPOLLIN : 0u;
  if (full_ || waits)
    wanted |= EPOLLOUT;
  if (phase_ == phase::dead || wanted == armed_)
    return;
  armed_ = wanted;
  home_.loop().rewatch(wire_.descriptor(), wanted, *this);
}

} // namespace hubbub::transport
