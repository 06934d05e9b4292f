#include "broker/handshake_budget.hpp"

#include <algorithm>

namespace hubbub::broker {
namespace {

constexpr milliseconds period{100};
constexpr double periods_in_second = 10;
// As many as have a ticket are expected to be here at once: a part of each burst is theirs alone.
constexpr double kept_for_tickets = 0.25;
constexpr double less = 0.7;
constexpr double more = 1.15;
constexpr double lowest = 50;
// What a loop's lag says is of the last second or two: it must not be held against the same moment twice.
constexpr std::chrono::seconds lag_memory{2};
// A loop that bears so many has no need of a bound.
constexpr double unbounded = 50'000;
constexpr double longest_wait_ms = 30'000;
// Nobody is worth answering sooner.
constexpr double shortest_wait_ms = 50;

double seconds(steady_time::duration d) noexcept { return std::chrono::duration<double>(d).count(); }

} // namespace

handshake_budget::handshake_budget(std::uint32_t fixed, std::uint64_t seed) noexcept
    : fixed_{fixed != 0}, rate_{static_cast<double>(fixed)}, random_{seed | 1} {
  tokens_ = burst();
}

double handshake_budget::burst() const noexcept {
  // A fixed rate is the operator's, who expects a second's worth after a pause; one that was measured must
  // not be exceeded for long.
  return fixed_ ? rate_ : std::max(rate_ / periods_in_second, 4.0);
}

bool handshake_budget::judges(steady_time now) const noexcept { return now - period_ >= period; }

handshake_budget::answer handshake_budget::ask(steady_time now, milliseconds lag, bool has_ticket) noexcept {
  go_on(now, lag);
  const auto needed = has_ticket ? 1.0 : std::max(1.0, std::min(kept_for_tickets * burst(), burst() - 1));
  if (rate_ != 0 && tokens_ < needed) {
    backlog_ += 1;
    return {false, come_again()};
  }
  if (rate_ != 0)
    tokens_ -= 1;
  ++let_in_;
  return {true, 0};
}

void handshake_budget::go_on(steady_time now, milliseconds lag) noexcept {
  const auto passed = last_ == steady_time{} ? 0.0 : std::max(seconds(now - last_), 0.0);
  last_ = now;
  tokens_ = std::min(burst(), tokens_ + passed * rate_);
  backlog_ = std::max(0.0, backlog_ - passed * rate_);
  if (!judges(now))
    return;
  if (!fixed_)
    adapt(now, lag);
  period_ = now;
  let_in_ = 0;
}

void handshake_budget::adapt(steady_time now, milliseconds lag) noexcept {
  if (lag > most_lag) {
    if (now < judge_again_)
      return;
    judge_again_ = now + lag_memory;
    const auto borne = rate_ != 0 ? rate_ : static_cast<double>(let_in_) * periods_in_second;
    rate_ = std::max(lowest, borne * less);
    tokens_ = std::min(tokens_, burst());
  } else if (rate_ != 0 && lag < most_lag / 2) {
    rate_ *= more;
    if (rate_ > unbounded)
      rate_ = 0;
  }
}

std::uint32_t handshake_budget::come_again() noexcept {
  // xorshift64 (Marsaglia, 2003): nobody's secret.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const auto part = static_cast<double>(random_ >> 11) / 9007199254740992.0; // 2^53: from 0 to 1
  const auto needs = std::min(1000.0 * (backlog_ + 1) / std::max(rate_, 1.0), longest_wait_ms);
  return static_cast<std::uint32_t>(shortest_wait_ms + part * needs);
}

} // namespace hubbub::broker
