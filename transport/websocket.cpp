#include "transport/websocket.hpp"

#include "broker/protocol.hpp"
#include "broker/wire_frame.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <sys/epoll.h>
#include <utility>

namespace hubbub::transport {

namespace {

/// Read from one connection in one turn.
constexpr std::uint32_t turn_budget = 65'536;

/// Do the bytes end with a client's close frame that answers `code`, or that goes of its own accord?
/// Nobody follows the frames any more, so the middle of a large one is looked at too: it must not pass for an
/// end, or what is still to come would reset the connection before the client has read why.
bool ends_with_close(std::string_view bytes, std::uint16_t code) noexcept {
  constexpr std::size_t header = 6, longest = header + 125;
  const auto at = [](std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (bytes.size() == header)
    return at(bytes, 0) == 0x88 && at(bytes, 1) == 0x80;
  for (auto size = header + 2; size <= std::min(bytes.size(), longest); ++size) {
    const auto frame = bytes.substr(bytes.size() - size);
    if (at(frame, 0) != 0x88 || at(frame, 1) != (0x80 | (size - header)))
      continue;
    const auto said = ((at(frame, 6) ^ at(frame, 2)) << 8) | (at(frame, 7) ^ at(frame, 3));
    if (said == code || said == 1000 || said == 1001)
      return true;
  }
  return false;
}

} // namespace

using broker::close_code;

websocket::websocket(lobby& home, wire socket, visit guest,
                     std::shared_ptr<broker::connection_handler> handler, broker::wire_format format)
    : home_{home},
      wire_{std::move(socket)},
      handler_{std::move(handler)},
      last_received_{home.loop().now()},
      last_sent_{last_received_},
      format_{format},
      guest_{std::move(guest)} {
  home_.enter(*this);
}

void websocket::open(std::string_view response, std::string early) {
  armed_ = EPOLLIN;
  home_.loop().rewatch(wire_.descriptor(), armed_, *this);
  lane_.append(home_.spare(), response);
  ask_flush();
  if (!early.empty())
    early_ = std::make_unique<std::string>(std::move(early));
  if (early_ || wire_.holds_bytes())
    ask_again();
  handler_->on_open(*this);
}

void websocket::on_ready(std::uint32_t events) {
  if (phase_ == phase::dead)
    return;
  if (events & EPOLLERR)
    return drop();
  if (events & EPOLLOUT) {
    if (full_)
      send_lane();
    if (phase_ != phase::dead && wire_.read_wants_write())
      ask_again();
    settle();
  }
  if (phase_ == phase::dead || !(events & (EPOLLIN | EPOLLHUP)))
    return;
  if (phase_ != phase::open)
    return discard();
  if (paused_ || pong_waits_) {
    if (events & EPOLLHUP)
      return drop();
    listening_ = false; // until reading goes on
    return rearm();
  }
  pump();
}

void websocket::on_again() {
  asked_again_ = false;
  if (phase_ == phase::closing || phase_ == phase::lingering)
    return discard();
  if (phase_ == phase::dead || paused_ || pong_waits_)
    return;
  listening_ = true;
  pump();
}

void websocket::resume_reading() {
  if (!paused_)
    return;
  paused_ = false;
  if (reader_)
    reader_->message_begun = home_.loop().now(); // the pause was ours
  if (phase_ == phase::open)
    ask_again();
}

void websocket::pump() {
  budget_ = turn_budget;
  drained_ = false;
  more_ = false;
  if (!reader_) {
    reader_ = home_.readers().take();
    reader_->message_begun = home_.loop().now();
    reader_->lend(this, format_ == broker::wire_format::websocket_deflate);
  }
  switch (reader_->pump()) {
  case message_reader::state::idle:
    home_.readers().give(std::move(reader_));
    break;
  case message_reader::state::posted:
    home_.loop().posted();
    ask_again();
    break;
  case message_reader::state::ended:
    finish_reading();
    break;
  case message_reader::state::partial:
  case message_reader::state::held:
  case message_reader::state::stopped:
    break;
  }
  if (phase_ == phase::dead)
    return;
  if (more_)
    ask_again();
  rearm();
}

std::ptrdiff_t websocket::read_bytes(char* to, std::size_t size) {
  if (early_) {
    const auto n = std::min(size, early_->size());
    std::copy_n(early_->data(), n, to);
    early_->erase(0, n);
    if (early_->empty())
      early_.reset();
    return static_cast<std::ptrdiff_t>(n);
  }
  if (drained_)
    return wire::again;
  if (budget_ == 0) {
    more_ = true;
    return wire::again;
  }
  size = std::min<std::size_t>(size, budget_);
  const auto n = wire_.read(to, size);
  if (n <= 0)
    return n;
  // A message that never ends is no life.
  if (const auto now = home_.loop().now(); now - reader_->message_begun <= home_.options().message_within)
    last_received_ = now;
  budget_ -= static_cast<std::uint32_t>(n);
  // What comes later makes the socket readable again; TLS may hold more.
  drained_ = !wire_.tls() && static_cast<std::size_t>(n) < size;
  return n;
}

void websocket::on_frames(std::string_view payload, bool text, bool compressed) {
  if (phase_ != phase::open)
    return;
  reader_->message_begun = last_received_ = home_.loop().now();
  if (!compressed)
    return text ? handler_->on_message(payload) : handler_->on_binary();
  auto& message = home_.scratch();
  switch (home_.inflater().expand(message, payload, home_.options().message_bytes)) {
  case broker::inflater::outcome::done:
    break;
  case broker::inflater::outcome::bad:
    ++home_.counters().protocol_errors;
    return close({close_code::bad_payload, "a compressed message is damaged", 0});
  case broker::inflater::outcome::too_large:
    ++home_.counters().protocol_errors;
    return close({close_code::too_big, "a message is larger than the limit", 0});
  }
  if (!text)
    return handler_->on_binary();
  if (!simdjson::validate_utf8(message.data(), message.size())) {
    ++home_.counters().protocol_errors;
    return close({close_code::bad_payload, "a text message is not valid UTF-8", 0});
  }
  handler_->on_message(message);
}

void websocket::on_pong(std::string_view frame) {
  lane_.append(home_.spare(), frame);
  pong_waits_ = true;
  ask_flush();
}

void websocket::finish_reading() {
  const auto& end = reader_->ended();
  if (end.lost)
    return drop();
  if (phase_ != phase::open)
    return;
  if (end.answer.empty()) {
    ++home_.counters().protocol_errors;
    return close(end.why);
  }
  lane_.append(home_.spare(), end.answer);
  peer_done_ = true; // it is ours to close the socket first (RFC 6455 section 7.1.1)
  begin_closing();
}

void websocket::discard() {
  std::array<char, 4096> nothing; // that matters any more
  for (int i = 0; i < 16; ++i) {
    const auto n = wire_.read(nothing.data(), nothing.size());
    if (n > 0) {
      if (!ends_with_close({nothing.data(), static_cast<std::size_t>(n)}, close_code_))
        continue;
      if (phase_ == phase::lingering)
        return drop();
      peer_done_ = true;
      continue;
    }
    if (n == wire::again)
      return rearm();
    if (n == wire::broken || phase_ == phase::lingering)
      return drop();
    // The peer has ended; what is in the lane still goes to it.
    peer_done_ = true;
    listening_ = false;
    return rearm();
  }
  if (wire_.tls())
    ask_again();
}

// --- The end ---

void websocket::close(const broker::disconnect& why) {
  if (phase_ != phase::open)
    return;
  std::string goodbye;
  broker::protocol::encode_goodbye(goodbye, why);
  close_code_ = static_cast<std::uint16_t>(why.code);
  lane_.append_with(home_.spare(), [&](std::string& end) {
    broker::append_text_frame(end, goodbye);
    broker::append_close_frame(end, close_code_, why.reason);
  });
  begin_closing();
  // Nobody is there to answer: what the socket takes at once is all that it gets.
  if (why.code == close_code::heartbeat_missed) {
    peer_done_ = true;
    deadline_ = home_.loop().now();
  }
  if (const auto& tell = home_.options().on_goodbye)
    tell(why.code);
}

void websocket::begin_closing() {
  phase_ = phase::closing;
  blocked_ = true;
  deadline_ = home_.loop().now() + home_.options().close_within;
  home_.closing(*this);
  ask_flush();
}

void websocket::drop() {
  if (phase_ == phase::dead)
    return;
  phase_ = phase::dead;
  blocked_ = true;
  wire_.close();
  lane_.clear();
  release_kept(kept_);
  home_.loop().bury(*this);
}

void websocket::on_buried() {
  reader_.reset();
  handler_->on_closed();
  home_.leave(*this);
}

void websocket::ask_flush() {
  if (!std::exchange(asked_flush_, true))
    home_.loop().flush_later(*this);
}

void websocket::ask_again() {
  if (!std::exchange(asked_again_, true))
    home_.loop().again(*this);
}

void websocket::rearm() {
  // A read of TLS may wait for the socket to take an answer: then its readability means nothing.
  const bool waits = !paused_ && wire_.read_wants_write();
  std::uint32_t wanted = listening_ && !waits ? EPOLLIN : 0u;
  if (full_ || waits)
    wanted |= EPOLLOUT;
  if (wanted == armed_)
    return;
  armed_ = wanted;
  home_.loop().rewatch(wire_.descriptor(), wanted, *this);
}

} // namespace hubbub::transport
