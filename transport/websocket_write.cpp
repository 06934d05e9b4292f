#include "broker/wire_frame.hpp"
#include "transport/websocket.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

/// The write layer: control lane first, then slices, one write for all.
namespace hubbub::transport {

using broker::close_code;

namespace {

// Some pings.
constexpr std::uint16_t trifle = 256;
constexpr std::ptrdiff_t most_unconfirmed = std::numeric_limits<std::uint16_t>::max();

} // namespace

void websocket::control(std::string_view message) {
  if (phase_ != phase::open || !room_for_more())
    return;
  lane_.append_with(home_.spare(), [&](std::string& end) { broker::append_text_frame(end, message); });
  lane_waits_ = true;
  ask_flush();
}

void websocket::control_frame(std::string_view frame) {
  if (phase_ != phase::open || !room_for_more())
    return;
  lane_.append(home_.spare(), frame);
  lane_waits_ = true;
  ask_flush();
}

bool websocket::room_for_more() {
  const auto has_room = [this] { return control_bytes() <= home_.options().control_bytes; };
  if (has_room())
    return true;
  if (!full_)
    send_lane();
  if (phase_ != phase::open)
    return false;
  if (has_room())
    return true;
  ++home_.counters().slow_consumers;
  close({close_code::slow_consumer, "answers wait unread", 0});
  return false;
}

std::size_t websocket::write(std::span<const std::string_view> slices) {
  if (blocked_)
    return 0;
  std::size_t asked = 0;
  for (auto slice : slices)
    asked += slice.size();
  const auto own = lane_.size();
  std::ptrdiff_t n = 0;
  if (own == 0) {
    n = wire_.write(slices);
  } else {
    std::array<std::string_view, 64> parts;
    parts[0] = lane_.waiting();
    const auto first = std::min(slices.size(), parts.size() - 1);
    std::copy_n(slices.begin(), first, parts.begin() + 1);
    n = wire_.write(std::span{parts}.first(first + 1));
    std::size_t whole = own;
    for (auto slice : slices.first(first))
      whole += slice.size();
    if (n == static_cast<std::ptrdiff_t>(whole) && first < slices.size() && !wire_.owes()) {
      auto more = wire_.write(slices.subspan(first));
      n = more < 0 ? more : n + more;
    }
    ask_flush(); // the handler is told there that its lane has gone
  }
  took(n, own + asked);
  if (n < 0)
    return 0;
  return static_cast<std::size_t>(n) > own ? static_cast<std::size_t>(n) - own : 0;
}

std::size_t websocket::unsent_bytes() const noexcept {
  // Of an idle connection the question costs more than all else that its heartbeat looks at. Who has
  // answered since has no few pings waiting that would be worth it.
  if (unconfirmed_ == 0 || (unconfirmed_ <= trifle && last_received_ >= last_sent_))
    return lane_.size();
  const auto unacknowledged = wire_.unacknowledged();
  if (unacknowledged == 0)
    unconfirmed_ = 0;
  return lane_.size() + unacknowledged;
}

void websocket::keep(std::string_view rest) {
  if (phase_ == phase::dead || rest.empty())
    return;
  lane_.put_first(home_.spare(), rest);
  kept_ += static_cast<std::uint32_t>(rest.size());
  if (auto* tapes = home_.options().tapes)
    tapes->add(rest.size());
  if (!full_)
    ask_flush();
}

void websocket::release_kept(std::size_t n) noexcept {
  kept_ -= static_cast<std::uint32_t>(n);
  if (auto* tapes = home_.options().tapes; tapes && n != 0)
    tapes->remove(n);
}

void websocket::send_lane() {
  const auto waiting = lane_.waiting();
  const auto asked = waiting.size();
  // An owed record goes with an empty write, too.
  took(wire_.write(asked ? std::span{&waiting, 1} : std::span<const std::string_view>{}), asked);
}

void websocket::took(std::ptrdiff_t n, std::size_t asked) {
  if (n < 0)
    return drop();
  if (n > 0 || wire_.progressed()) {
    last_sent_ = home_.loop().now();
    // Of an owed record nobody knows how much went.
    const auto went = std::clamp<std::ptrdiff_t>(n, wire_.owes() ? most_unconfirmed : 1, most_unconfirmed);
    unconfirmed_ =
        static_cast<std::uint16_t>(std::min<std::ptrdiff_t>(unconfirmed_ + went, most_unconfirmed));
  }
  const auto taken = static_cast<std::size_t>(n);
  if (!lane_.empty())
    lane_.consume(home_.spare(), std::min(taken, lane_.size()));
  // The rest of an event stands before all answers.
  release_kept(std::min<std::size_t>(taken, kept_));
  const bool full = taken < asked || wire_.owes();
  if (full == full_)
    return;
  full_ = full;
  unblocked_ = !full;
  blocked_ = full_ || phase_ != phase::open;
  rearm();
}

void websocket::settle() {
  if (phase_ == phase::open) {
    const auto gone = all_gone();
    if (gone && std::exchange(pong_waits_, false)) {
      reader_->written();
      listening_ = true;
      ask_again();
    }
    // What is left of an event is none of what the client was answered.
    if (lane_waits_ && control_bytes() == 0 && !wire_.owes()) {
      lane_waits_ = false;
      handler_->on_control_sent();
    }
    if (gone && phase_ == phase::open && !full_ && std::exchange(unblocked_, false))
      handler_->on_writable();
  }
  if (phase_ == phase::closing) {
    reader_.reset();
    listening_ = !peer_done_;
    if (all_gone()) {
      wire_.shut_writing();
      phase_ = phase::lingering;
      if (peer_done_)
        return drop();
    }
  }
  if (phase_ != phase::dead)
    rearm();
}

void websocket::on_flush() {
  asked_flush_ = false;
  if (phase_ == phase::dead || phase_ == phase::lingering)
    return;
  if (!full_ && !all_gone())
    send_lane();
  settle();
}

} // namespace hubbub::transport
