#include "broker/supervisor.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::broker {

supervisor::supervisor(about what, restart_limits limits, const clock& time, log_sink& log,
                       metric_counter* crashes, escalation up)
    : about_{std::move(what)},
      limits_{limits},
      time_{time},
      log_{log},
      crashes_{crashes},
      up_{std::move(up)},
      all_{limits.of_all, limits.within} {
  now_.limits = limits;
  now_.since_ms = time.unix_ms();
}

milliseconds supervisor::crashed(std::string_view child, std::string_view reason) noexcept {
  return crashed(child, reason, {});
}

milliseconds supervisor::crashed(std::string_view child, std::string_view reason,
                                 std::string_view by) noexcept {
  auto wait = limits_.longest_wait;
  auto too_many = true; // also when there is no memory to count in
  auto told_before = false;
  try {
    const auto now = time_.now();
    std::lock_guard hold{mutex_};
    note(child, reason);
    auto found = judge(children_, limits_.restarts ? child : by, now);
    if (limits_.restarts && !judge(culprits_, by, now).counts)
      found.counts = false;
    too_many = found.wait == milliseconds::max() || (found.counts && !all_.note(now));
    wait = std::min(found.wait, limits_.longest_wait);
    if (too_many)
      told_before = std::exchange(now_.gave_up, true);
    else if (limits_.of_child != 0 && limits_.restarts)
      ++now_.restarts;
  } catch (...) { // what is known of it is said below
  }
  say(wait.count() == 0 ? about_.crashed : about_.waits, child, reason, limits_.restarts ? "" : by, wait);
  if (too_many && !told_before && up_)
    up_(reason);
  return wait;
}

void supervisor::failed(std::string_view child, std::string_view reason) noexcept {
  auto told_before = false;
  try {
    std::lock_guard hold{mutex_};
    note(child, reason);
    told_before = std::exchange(now_.gave_up, true);
  } catch (...) { // as above
  }
  say("crashed, and cannot be restarted", child, reason, {}, milliseconds{0});
  if (!told_before && up_)
    up_(reason);
}

void supervisor::note(std::string_view child, std::string_view reason) {
  if (crashes_)
    crashes_->add(no_loop);
  ++now_.crashes;
  now_.last_ms = time_.unix_ms();
  now_.last_child = child;
  now_.last_reason = reason;
}

supervisor::verdict supervisor::judge(rows& all, std::string_view child, steady_time now) {
  if (limits_.of_child == 0 || child.empty())
    return {}; // none of them comes again
  forget_quiet(all, now);
  auto it = all.find(child);
  if (it == all.end())
    it = all.emplace(std::string{child}, child_row{{limits_.of_child, limits_.within}}).first;
  auto& row = it->second;
  // It was already to wait; what else it does until then is the same crash still.
  if (now < row.until)
    return {std::chrono::ceil<milliseconds>(row.until - now), false};
  // Who crashed again after a wait waits again, however long that was.
  if (row.recent.note(now) && row.waits == 0)
    return {};
  if (limits_.waits != 0 && row.waits == limits_.waits)
    return {milliseconds::max()};
  auto wait = limits_.first_wait;
  for (std::size_t i = 0; i < row.waits && wait < limits_.longest_wait; ++i)
    wait *= 2;
  wait = std::min(wait, limits_.longest_wait);
  ++row.waits;
  row.until = now + wait;
  return {wait};
}

milliseconds supervisor::wait_of(std::string_view by) const noexcept {
  const auto now = time_.now();
  std::lock_guard hold{mutex_};
  const auto it = children_.find(by);
  return it == children_.end() || it->second.until <= now
             ? milliseconds{0}
             : std::chrono::ceil<milliseconds>(it->second.until - now);
}

void supervisor::forget_quiet(rows& all, steady_time now) {
  std::erase_if(all, [&](const auto& one) {
    return one.second.recent.quiet(now) && now - one.second.until > limits_.within;
  });
}

void supervisor::say(std::string_view message, std::string_view child, std::string_view reason,
                     std::string_view by, milliseconds wait) noexcept {
  const auto waits = wait.count() != 0;
  if (by.empty() && !waits)
    log_.error(about_.name, message, {{about_.child, child}, {"reason", reason}});
  else if (by.empty())
    log_.error(about_.name, message, {{about_.child, child}, {"reason", reason}, {"wait_ms", wait.count()}});
  else if (!waits)
    log_.error(about_.name, message, {{about_.child, child}, {"reason", reason}, {"by", by}});
  else
    log_.error(about_.name, message,
               {{about_.child, child}, {"reason", reason}, {"by", by}, {"wait_ms", wait.count()}});
}

supervisor::state supervisor::look() const {
  const auto now = time_.now();
  const auto unix_now = time_.unix_ms();
  std::lock_guard hold{mutex_};
  auto seen = now_;
  for (const auto& [child, row] : children_)
    if (row.until > now)
      seen.waiting_children.push_back(
          {child, unix_now + std::chrono::duration_cast<milliseconds>(row.until - now).count(), row.waits});
  return seen;
}

} // namespace hubbub::broker
