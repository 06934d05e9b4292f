#include "broker/handshake_budget.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

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
// Fewer in that time are not why a loop lags by `most_lag`, at a millisecond each, which is what TLS may
// cost: something else is, and to refuse clients would not help.
constexpr std::uint32_t enough_to_lag = 200;
// Nobody was refused for so long: what is known of the storm before does not hold for the next one.
constexpr std::chrono::seconds forgotten_after{10};
// A loop that bears so many has no need of a bound.
constexpr double unbounded = 50'000;
// Any node bears so many when nothing else is wrong; those who are refused are not told to count on more.
constexpr double likely = 1000;
constexpr double longest_wait_ms = 30'000;
// Those who are refused while there is no bound are spread over so long at least.
constexpr double least_spread_ms = 1000;
// Nobody is worth answering sooner.
constexpr double shortest_wait_ms = 50;

double seconds(steady_time::duration d) noexcept { return std::chrono::duration<double>(d).count(); }

} // namespace

handshake_budget::handshake_budget(std::uint32_t fixed, std::uint64_t seed) noexcept
    : fixed_{fixed != 0}, rate_{static_cast<double>(fixed)}, random_{seed | 1} {
  tokens_ = burst();
  begins_ = begin(burst());
}

double handshake_budget::begin(double come_in) noexcept {
  return std::max(begin_for_one * come_in, least_begin);
}

double handshake_budget::burst() const noexcept {
  // A fixed rate is the operator's, who expects a second's worth after a pause; one that was measured must
  // not be exceeded for long.
  return fixed_ ? rate_ : std::max(rate_ / periods_in_second, 4.0);
}

bool handshake_budget::judges(steady_time now) const noexcept { return now - period_ >= period; }

handshake_budget::answer handshake_budget::ask(steady_time now, milliseconds lag, bool has_ticket) noexcept {
  flow(now);
  if (judges(now))
    judge(now, lag);
  const auto needed = has_ticket ? 1.0 : std::max(1.0, std::min(kept_for_tickets * burst(), burst() - 1));
  if (rate_ != 0 && tokens_ < needed) {
    of_use_ = now;
    backlog_ += 1;
    return {false, come_again(needed_ms(backlog_, now))};
  }
  if (rate_ != 0)
    tokens_ -= 1;
  ++let_in_[at_];
  return {true, 0};
}

bool handshake_budget::may_begin(steady_time now) noexcept {
  flow(now);
  if (rate_ == 0)
    return true;
  if (begins_ < 1) {
    of_use_ = now;
    return false;
  }
  begins_ -= 1;
  return true;
}

std::uint32_t handshake_budget::turn_away(steady_time now) noexcept {
  flow(now);
  backlog_ += 1;
  return come_again(std::max(needed_ms(backlog_, now), least_spread_ms));
}

void handshake_budget::flow(steady_time now) noexcept {
  const auto passed = last_ == steady_time{} ? 0.0 : std::max(seconds(now - last_), 0.0);
  last_ = now;
  tokens_ = std::min(burst(), tokens_ + passed * rate_);
  begins_ = std::min(begin(burst()), begins_ + passed * begin(rate_));
  backlog_ = std::max(0.0, backlog_ - passed * (rate_ != 0 ? rate_ : likely));
}

void handshake_budget::judge(steady_time now, milliseconds lag) noexcept {
  count_from(now);
  if (!fixed_)
    adapt(now, lag);
  judged_ = now;
}

void handshake_budget::count_from(steady_time now) noexcept {
  const auto begins = steady_time{} + now.time_since_epoch() / period * period;
  const auto passed = static_cast<std::size_t>((begins - period_) / period);
  for (std::size_t i = 0; i < std::min(passed, let_in_.size()); ++i) {
    at_ = (at_ + 1) % let_in_.size();
    let_in_[at_] = 0;
  }
  period_ = begins;
}

void handshake_budget::adapt(steady_time now, milliseconds lag) noexcept {
  if (rate_ != 0 && now - of_use_ >= forgotten_after)
    rate_ = 0;
  if (lag > most_lag) {
    if (now < judge_again_ || std::accumulate(let_in_.begin(), let_in_.end(), 0u) < enough_to_lag)
      return;
    judge_again_ = now + lag_memory;
    of_use_ = now;
    const auto most = static_cast<double>(*std::ranges::max_element(let_in_)) * periods_in_second;
    // A rate that was not made use of, but for what is kept, has not been borne.
    const auto used = rate_ != 0 && most >= (1 - kept_for_tickets) * rate_;
    rate_ = std::max(lowest, (used ? rate_ : most) * less);
    tokens_ = std::min(tokens_, burst());
  } else if (rate_ != 0 && lag < most_lag / 2) {
    // By the time that has passed, whether or not anybody asked meanwhile.
    rate_ *= std::pow(more, seconds(now - judged_) * periods_in_second);
    if (rate_ > unbounded)
      rate_ = 0;
  }
}

double handshake_budget::likely_rate() const noexcept {
  if (fixed_)
    return rate_;
  return std::max(rate_, likely);
}

/// How long it takes until so many have come in, by what the rate is likely to be: it stays as long as the
/// lag is remembered, then it grows.
double handshake_budget::needed_ms(double clients, steady_time now) const noexcept {
  const auto top = likely_rate();
  auto needed = 0.0;
  if (rate_ != 0 && rate_ < top) {
    const auto stays = std::min(std::max(seconds(judge_again_ - now), 0.0), clients / rate_);
    const auto growth = std::log(more) * periods_in_second;
    const auto meanwhile = std::min(clients - rate_ * stays, (top - rate_) / growth);
    needed = stays + std::log1p(meanwhile * growth / rate_) / growth;
    clients -= rate_ * stays + meanwhile;
  }
  return 1000 * (needed + clients / top);
}

std::uint32_t handshake_budget::come_again(double within_ms) noexcept {
  // xorshift64 (Marsaglia, 2003): nobody's secret.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const auto part = static_cast<double>(random_ >> 11) / 9007199254740992.0; // 2^53: from 0 to 1
  return static_cast<std::uint32_t>(shortest_wait_ms + part * std::min(within_ms, longest_wait_ms));
}

} // namespace hubbub::broker
