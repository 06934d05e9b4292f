#pragma once

#include "broker/clock.hpp"
#include "broker/grants.hpp"
#include "broker/revocation.hpp"
#include "broker/session_id.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace hubbub::broker {

/// Who was revoked, as one node knows it: tokens and tickets are compared with it before they count. Each
/// revocation is held for as long as a token or ticket that it means may live. Any thread.
class revoked_list {
public:
  /// Beyond `most` nothing is taken: the list is in memory.
  revoked_list(milliseconds keep, const clock& time, std::size_t most = 100'000)
      : keep_{keep}, time_{time}, most_{most} {}
  revoked_list(const revoked_list&) = delete;
  revoked_list& operator=(const revoked_list&) = delete;

  /// Is told of each revocation that was new, on the thread that put it. Once, before others put any that
  /// must be heard of.
  void observe(std::function<void(const revocation&)> told);

  enum class outcome : std::uint8_t { added, known, expired, full };
  /// A revocation never takes back what an earlier one said: of two for one name the one that means more
  /// stands. `made_ms` 0 is taken for now.
  outcome put(revocation what);
  /// It was lifted.
  void remove(const revocation& what);

  /// What would stand for that name after `put`.
  [[nodiscard]] revocation joined_with(const revocation& what) const;
  /// Would `put` take it?
  [[nodiscard]] bool has_room_for(const revocation& what);

  [[nodiscard]] bool has(session_id session, const identity& who) const;
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  [[nodiscard]] std::vector<revocation> all() const;
  [[nodiscard]] milliseconds keep() const noexcept { return keep_; }

private:
  using by_name = std::map<std::string, revocation, std::less<>>;
  /// Null: nothing stands for that name, or it is over.
  [[nodiscard]] const revocation* find(const revocation& same, std::int64_t now_ms) const;
  [[nodiscard]] by_name& names_of(const revocation& what) noexcept {
    return what.session ? sessions_ : what.user.empty() ? tokens_ : users_;
  }
  [[nodiscard]] const by_name& names_of(const revocation& what) const noexcept {
    return const_cast<revoked_list*>(this)->names_of(what);
  }
  [[nodiscard]] bool is_over(const revocation& r, std::int64_t now_ms) const noexcept {
    return r.made_ms + keep_.count() <= now_ms;
  }
  void sweep(std::int64_t now_ms);
  void count() noexcept;

  const milliseconds keep_;
  const clock& time_;
  const std::size_t most_;
  mutable std::mutex mutex_;
  by_name users_;
  by_name sessions_;
  by_name tokens_;
  std::function<void(const revocation&)> told_;
  std::int64_t swept_ms_ = 0;
  std::atomic<std::size_t> size_{0};
};

} // namespace hubbub::broker
