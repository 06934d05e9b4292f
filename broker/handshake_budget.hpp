#pragma once

#include "broker/clock.hpp"

#include <array>
#include <cstdint>

namespace hubbub::broker {

/// How many clients may come in a second, so that a storm of them does not slow those who are in: a fixed
/// number, or as many as the event loops bear, which their lag tells: there is no bound until they lag while
/// so many come in that these can be why, and none any more when nobody was refused for a while. Clients that
/// show a ticket go first. Whoever is refused is told when to come again, spread over the time that all who
/// were refused need (full jitter: Brooker, "Exponential Backoff And Jitter", 2015). One thread at a time.
class handshake_budget {
public:
  /// More lag than this is too much: fewer come in until it is over.
  static constexpr milliseconds most_lag{200};

  /// `fixed`: so many a second; 0: as many as the loops bear. `seed`: for the times that the refused are
  /// told.
  handshake_budget(std::uint32_t fixed, std::uint64_t seed) noexcept;

  struct answer {
    bool in = false;
    /// When not: at least 1.
    std::uint32_t retry_after_ms = 0;
  };
  /// Will `ask` look at the lag now? Once in a while.
  [[nodiscard]] bool judges(steady_time now) const noexcept;
  /// `lag`: what an event waited for its loop, lately; of several loops, the longest.
  [[nodiscard]] answer ask(steady_time now, milliseconds lag, bool has_ticket) noexcept;
  /// May one more begin TLS, which costs more than all that follows? What it wants is seen only behind that:
  /// so that those with a ticket find what is kept for them, some more begin than may come in,
  /// `begin_for_one` for each, and `least_begin` a second at least. Always while there is no bound.
  [[nodiscard]] bool may_begin(steady_time now) noexcept;
  static constexpr double begin_for_one = 4;
  static constexpr double least_begin = 16;

  /// Somebody is refused for another reason, and will come again with the others: in how many milliseconds,
  /// at least 1.
  [[nodiscard]] std::uint32_t turn_away(steady_time now) noexcept;

  /// A second's; 0: there is no bound now.
  [[nodiscard]] double rate() const noexcept { return rate_; }
  /// Of those who were refused, how many are expected to come again.
  [[nodiscard]] double backlog() const noexcept { return backlog_; }

private:
  void flow(steady_time now) noexcept;
  void judge(steady_time now, milliseconds lag) noexcept;
  void adapt(steady_time now, milliseconds lag) noexcept;
  void count_from(steady_time now) noexcept;
  [[nodiscard]] double burst() const noexcept;
  [[nodiscard]] static double begin(double come_in) noexcept;
  [[nodiscard]] double likely_rate() const noexcept;
  [[nodiscard]] double needed_ms(double clients, steady_time now) const noexcept;
  [[nodiscard]] std::uint32_t come_again(double within_ms) noexcept;

  const bool fixed_;
  double rate_;
  double tokens_ = 0;
  /// The same for those who begin TLS.
  double begins_ = 0;
  double backlog_ = 0;
  steady_time last_{};
  /// The period that is under way began then.
  steady_time period_{};
  /// When the lag was last looked at.
  steady_time judged_{};
  /// Those who came in, by period, the latest two seconds; `at_` is the one that is under way.
  std::array<std::uint32_t, 20> let_in_{};
  std::size_t at_ = 0;
  /// Until then lag tells nothing new.
  steady_time judge_again_{};
  /// When the bound was last of use.
  steady_time of_use_{};
  std::uint64_t random_;
};

} // namespace hubbub::broker
