#pragma once

#include "broker/clock.hpp"
#include "broker/log.hpp"
#include "broker/metrics_cells.hpp"
#include "broker/restart_intensity.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubbub::broker {

/// How much a supervisor bears before somebody else has to decide.
struct restart_limits {
  /// Crashes of one child within the period after which it is restarted at once.
  std::size_t of_child = 5;
  /// Crashes of all children within the period; beyond them the supervisor gives up.
  std::size_t of_all = 50;
  milliseconds within = std::chrono::seconds{10};
  /// Beyond `of_child` it waits so long, twice as long each time, until it was quiet for a period.
  milliseconds first_wait = std::chrono::seconds{1};
  milliseconds longest_wait = std::chrono::seconds{30};
  /// Waits of one child in a row; beyond them the supervisor gives up. 0: one child alone never makes it.
  std::size_t waits = 0;
  /// Are its children restarted? Where they are not it is culprits that are judged, those who bring crashes
  /// about: and while one waits, what else breaks by its doing counts for nothing.
  bool restarts = true;
};

/// Answers for children that may crash (one_for_one, as OTP means it): logs each crash once with its reason,
/// counts it, and says when the child may be restarted. When there are too many it gives up, and tells
/// whoever is above, once. Restarts nothing itself. Any thread.
class supervisor {
public:
  struct about {
    /// As it is shown, and as the log's component.
    std::string name;
    /// What a child is, as the log names it: `room`.
    std::string child;
    /// Said of a crash, and of one after which it waits.
    std::string crashed;
    std::string waits;
  };
  /// Called once, on the thread of the crash that was too much.
  using escalation = std::function<void(std::string_view why)>;

  /// What is passed by reference must outlive it. `crashes` may be null.
  supervisor(about what, restart_limits limits, const clock& time, log_sink& log, metric_counter* crashes,
             escalation up);

  /// A child crashed. When it may be restarted: 0 is at once.
  milliseconds crashed(std::string_view child, std::string_view reason) noexcept;
  /// The same where `by` brought it about; empty: nobody knows who did. Where children are not restarted it
  /// is when that one may do such things again. Where they are, crashes of many children are held against the
  /// supervisor only as far as one child that `by` has crashed as often would be.
  milliseconds crashed(std::string_view child, std::string_view reason, std::string_view by) noexcept;
  /// How long that one is still to wait; 0: not at all.
  [[nodiscard]] milliseconds wait_of(std::string_view by) const noexcept;
  /// A child crashed that cannot be restarted: gives up.
  void failed(std::string_view child, std::string_view reason) noexcept;

  struct waiting {
    std::string child;
    /// Milliseconds since 1970.
    std::int64_t until_ms = 0;
    std::size_t waits = 0;
  };
  /// What it looks like now.
  struct state {
    restart_limits limits;
    /// Milliseconds since 1970.
    std::int64_t since_ms = 0;
    std::uint64_t crashes = 0;
    /// Of those: how many were restarted at once, or after a wait.
    std::uint64_t restarts = 0;
    bool gave_up = false;
    /// Of the last crash; 0: there was none.
    std::int64_t last_ms = 0;
    std::string last_child;
    std::string last_reason;
    std::vector<waiting> waiting_children;
  };
  [[nodiscard]] state look() const;
  [[nodiscard]] const std::string& name() const noexcept { return about_.name; }

private:
  struct child_row {
    restart_intensity recent;
    std::size_t waits = 0;
    steady_time until{};
  };
  struct verdict {
    /// Longer than the longest: it waited too often.
    milliseconds wait{0};
    /// Another one than the crash that it waits for.
    bool counts = true;
  };
  using rows = std::map<std::string, child_row, std::less<>>;
  [[nodiscard]] verdict judge(rows& all, std::string_view child, steady_time now);
  void note(std::string_view child, std::string_view reason);
  void forget_quiet(rows& all, steady_time now);
  void say(std::string_view message, std::string_view child, std::string_view reason, std::string_view by,
           milliseconds wait) noexcept;

  const about about_;
  const restart_limits limits_;
  const clock& time_;
  log_sink& log_;
  metric_counter* const crashes_;
  const escalation up_;

  mutable std::mutex mutex_;
  restart_intensity all_;
  rows children_;
  /// Those who crash children that are restarted.
  rows culprits_;
  state now_;
};

/// What is said of an exception that does not say anything itself.
inline constexpr const char* strange_exception = "not an exception of the standard library";

/// Runs `f`; what it throws `told` hears, as a supervisor's child's last words. Without a supervisor it ends
/// the process. True: it threw nothing.
template <class F, class Told>
bool run_guarded(const supervisor* answers, F&& f, Told&& told) noexcept {
  if (!answers) {
    f();
    return true;
  }
  try {
    f();
    return true;
  } catch (const std::exception& e) {
    told(e.what());
  } catch (...) {
    told(strange_exception);
  }
  return false;
}

/// Runs what cannot go on when it throws: that fails `who`. Otherwise as above.
template <class F>
bool guarded_to_the_end(supervisor* answers, std::string_view who, F&& f) noexcept {
  return run_guarded(answers, std::forward<F>(f), [&](const char* why) { answers->failed(who, why); });
}

/// Runs what may be tried again when it throws: that is a crash of `who`. Otherwise as above.
template <class F>
bool guarded(supervisor* answers, std::string_view who, F&& f) noexcept {
  return run_guarded(answers, std::forward<F>(f), [&](const char* why) { answers->crashed(who, why); });
}

} // namespace hubbub::broker
