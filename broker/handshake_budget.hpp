#pragma once

#include "broker/clock.hpp"

#include <cstdint>

namespace hubbub::broker {

/// How many clients may come in a second, so that a storm of them does not slow those who are in: a fixed
/// number, or as many as the event loops bear, which their lag tells. Clients that show a ticket go first.
/// Whoever is refused is told when to come again, spread over the time that all who were refused need (full
/// jitter: Brooker, "Exponential Backoff And Jitter", 2015). One thread at a time.
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

  /// A second's; 0: there is no bound now.
  [[nodiscard]] double rate() const noexcept { return rate_; }
  /// Of those who were refused, how many are expected to come again.
  [[nodiscard]] double backlog() const noexcept { return backlog_; }

private:
  void go_on(steady_time now, milliseconds lag) noexcept;
  void adapt(steady_time now, milliseconds lag) noexcept;
  [[nodiscard]] double burst() const noexcept;
  [[nodiscard]] std::uint32_t come_again() noexcept;

  const bool fixed_;
  double rate_;
  double tokens_ = 0;
  double backlog_ = 0;
  steady_time last_{};
  /// Of the period that is under way.
  steady_time period_{};
  std::uint32_t let_in_ = 0;
  /// Until then lag tells nothing new.
  steady_time judge_again_{};
  std::uint64_t random_;
};

} // namespace hubbub::broker
