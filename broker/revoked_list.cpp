#include "broker/revoked_list.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace hubbub::broker {
namespace {

constexpr std::int64_t sweep_every_ms = 60'000;
// A full list is swept sooner, but not for each one that it has no room for.
constexpr std::int64_t sweep_full_every_ms = 1'000;

/// The one of two for the same name that means more, held for as long as the later of them.
revocation stronger_of(const revocation& a, const revocation& b) {
  auto out = a.before_ms == 0 || (b.before_ms != 0 && a.before_ms >= b.before_ms) ? a : b;
  out.made_ms = std::max(a.made_ms, b.made_ms);
  return out;
}

} // namespace

void revoked_list::observe(std::function<void(const revocation&)> told) {
  std::lock_guard lock{mutex_};
  told_ = std::move(told);
}

const revocation* revoked_list::find(const revocation& same, std::int64_t now_ms) const {
  const auto& names = names_of(same);
  const auto it = names.find(same.whom().second);
  return it == names.end() || is_over(it->second, now_ms) ? nullptr : &it->second;
}

revoked_list::outcome revoked_list::put(revocation what) {
  const auto now = time_.unix_ms();
  if (what.made_ms == 0)
    what.made_ms = now;
  if (is_over(what, now))
    return outcome::expired;
  std::function<void(const revocation&)> told;
  {
    std::lock_guard lock{mutex_};
    sweep(now);
    if (const auto* known = find(what, now)) {
      auto after = stronger_of(*known, what);
      const auto same = after.before_ms == known->before_ms;
      what = after;
      names_of(what)[what.whom().second] = std::move(after);
      if (same)
        return outcome::known;
    } else {
      if (size() >= most_)
        return outcome::full;
      names_of(what).insert_or_assign(what.whom().second, what);
      count();
    }
    told = told_;
  }
  // Without the lock: whoever is told looks at the list, too.
  if (told)
    told(what);
  return outcome::added;
}

void revoked_list::remove(const revocation& what) {
  std::lock_guard lock{mutex_};
  names_of(what).erase(what.whom().second);
  count();
}

revocation revoked_list::joined_with(const revocation& what) const {
  const auto now = time_.unix_ms();
  std::lock_guard lock{mutex_};
  const auto* known = find(what, now);
  return known ? stronger_of(*known, what) : what;
}

bool revoked_list::has_room_for(const revocation& what) {
  const auto now = time_.unix_ms();
  std::lock_guard lock{mutex_};
  sweep(now);
  return size() < most_ || find(what, now) != nullptr;
}

bool revoked_list::has(session_id session, const identity& who) const {
  if (size() == 0)
    return false;
  const auto now = time_.unix_ms();
  const auto stands = [&](const by_name& names, std::string_view name) {
    const auto it = name.empty() ? names.end() : names.find(name);
    return it != names.end() && !is_over(it->second, now) && it->second.means(session, &who);
  };
  std::lock_guard lock{mutex_};
  return stands(users_, who.user) || stands(tokens_, who.token_id) ||
         (!sessions_.empty() && stands(sessions_, session.str()));
}

std::vector<revocation> revoked_list::all() const {
  const auto now = time_.unix_ms();
  std::vector<revocation> out;
  std::lock_guard lock{mutex_};
  for (const auto* names : {&users_, &sessions_, &tokens_})
    for (const auto& [_, r] : *names)
      if (!is_over(r, now))
        out.push_back(r);
  return out;
}

void revoked_list::sweep(std::int64_t now_ms) {
  if (now_ms - swept_ms_ < (size() < most_ ? sweep_every_ms : sweep_full_every_ms))
    return;
  swept_ms_ = now_ms;
  for (auto* names : {&users_, &sessions_, &tokens_})
    std::erase_if(*names, [&](const auto& one) { return is_over(one.second, now_ms); });
  count();
}

void revoked_list::count() noexcept {
  size_.store(users_.size() + sessions_.size() + tokens_.size(), std::memory_order_release);
}

} // namespace hubbub::broker
