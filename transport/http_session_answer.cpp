#include "transport/http_session.hpp"

#include <array>
#include <chrono>
#include <utility>

/// How a session answers, and goes on or ends.
namespace hubbub::transport {

namespace {

using namespace std::chrono_literals;

/// How long an answer may take to leave.
constexpr auto answer_within = 30s;
/// How long we listen after our last byte, so that the peer reads it before a reset.
constexpr auto linger_for = 1s;

} // namespace

void http_session::answer(const broker::http_response& response) {
  out_ += answer_text(response, {.keep_alive = keep_alive_, .head = head_});
  phase_ = phase::answering;
  since_ = home_.loop().now();
  end_by(since_ + answer_within);
  send();
}

void http_session::refuse(const broker::http_response& response) {
  keep_alive_ = false;
  answer(response);
}

void http_session::send() {
  const auto rest = std::string_view{out_}.substr(gone_);
  const auto n = wire_.write(rest.empty() ? std::span<const std::string_view>{} : std::span{&rest, 1});
  if (n < 0)
    return drop();
  gone_ += static_cast<std::size_t>(n);
  full_ = gone_ < out_.size() || wire_.owes();
  if (full_)
    return rearm();
  std::string{}.swap(out_);
  gone_ = 0;
  if (phase_ == phase::answering)
    sent();
  else
    rearm();
}

void http_session::sent() {
  if (!keep_alive_)
    return linger();
  phase_ = phase::reading;
  served_ = true;
  forget_request();
  listening_ = true;
  idle_ = in_.empty();
  since_ = home_.loop().now();
  end_by(since_ + (idle_ ? home_.options().keep_alive : home_.options().handshake_within));
  rearm();
  process();
  if (phase_ == phase::reading && wire_.holds_bytes())
    ask_again();
}

void http_session::linger() {
  // That place is for somebody else. The answer has left; only a peer that sends on may miss it.
  if (place_ == broker::handshake_place::reserved)
    return drop();
  phase_ = phase::lingering;
  end_by(home_.loop().now() + linger_for);
  wire_.shut_writing();
  listening_ = true;
  rearm();
}

void http_session::discard() {
  std::array<char, 4096> nothing;
  for (int i = 0; i < 16; ++i) {
    const auto n = wire_.read(nothing.data(), nothing.size());
    if (n == wire::again)
      return;
    if (n <= 0)
      return drop();
  }
}

} // namespace hubbub::transport
