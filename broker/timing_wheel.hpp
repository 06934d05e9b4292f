#pragma once

#include "broker/clock.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace hubbub::broker {

/// One place on a timing wheel; a part of what is to be reminded, so that
/// scheduling allocates nothing. Going out of scope cancels it. One thread.
class timer_node {
public:
  timer_node() = default;
  ~timer_node() { unlink(); }
  timer_node(const timer_node&) = delete;
  timer_node& operator=(const timer_node&) = delete;

  [[nodiscard]] bool scheduled() const noexcept { return next_ != nullptr; }

private:
  friend class timing_wheel;

  void unlink() noexcept {
    if (!next_)
      return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }
  void link_before(timer_node& where) noexcept {
    next_ = &where;
    previous_ = where.previous_;
    previous_->next_ = this;
    where.previous_ = this;
  }
  void make_ring() noexcept { next_ = previous_ = this; }
  [[nodiscard]] bool alone() const noexcept { return next_ == this; }

  timer_node* next_ = nullptr;
  timer_node* previous_ = nullptr;
  std::uint64_t tick_ = 0;
};

/// A hashed timing wheel (Varghese and Lauck): all deadlines of one loop. A
/// node is never early, and late by at most `resolution` and the time between
/// two calls of `advance`. One thread; it outlives its nodes' schedules.
class timing_wheel {
public:
  static constexpr milliseconds resolution{100};
  /// One turn of the wheel is 51.2 s; what is due later stays for further turns.
  static constexpr std::size_t slots = 512;

  explicit timing_wheel(steady_time now) : origin_{now} {
    pending_.make_ring();
    for (auto& s : slots_)
      s.make_ring();
  }
  ~timing_wheel() {
    clear(pending_);
    for (auto& s : slots_)
      clear(s);
  }
  timing_wheel(const timing_wheel&) = delete;
  timing_wheel& operator=(const timing_wheel&) = delete;

  /// Puts `node` at `when`, wherever it was before. What is past comes with the next tick.
  void schedule(timer_node& node, steady_time when) noexcept {
    node.unlink();
    auto due = tick_at_or_after(when);
    node.tick_ = due > done_ ? due : done_ + 1;
    node.link_before(slot_of(node.tick_));
  }

  static void cancel(timer_node& node) noexcept { node.unlink(); }

  /// Calls `fire(node)` for what is due at `now`; the node is off the wheel
  /// then, and `fire` may schedule and cancel this one and any other, and
  /// destroy it. Looks at `limit` nodes at most. True: there is more to do,
  /// call again soon.
  template <class Fire>
  bool advance(steady_time now, Fire&& fire, std::size_t limit = std::numeric_limits<std::size_t>::max()) {
    auto target = tick_at_or_before(now);
    // After a long sleep one turn of the wheel passes all slots; more would only repeat.
    if (target > done_ + slots)
      done_ = target - slots;
    for (;;) {
      while (!pending_.alone()) {
        if (limit-- == 0)
          return true;
        auto& node = *pending_.next_;
        node.unlink();
        if (node.tick_ <= target)
          fire(node);
        else
          node.link_before(slot_of(node.tick_));
      }
      if (done_ >= target)
        return false;
      ++done_;
      take(slot_of(done_));
    }
  }

private:
  [[nodiscard]] timer_node& slot_of(std::uint64_t tick) noexcept { return slots_[tick % slots]; }

  [[nodiscard]] std::uint64_t tick_at_or_before(steady_time t) const noexcept {
    return t <= origin_ ? 0 : static_cast<std::uint64_t>((t - origin_) / resolution);
  }
  [[nodiscard]] std::uint64_t tick_at_or_after(steady_time t) const noexcept {
    auto tick = tick_at_or_before(t);
    return origin_ + tick * resolution < t ? tick + 1 : tick;
  }

  /// Moves all of `slot` to `pending_`, which is empty.
  void take(timer_node& slot) noexcept {
    if (slot.alone())
      return;
    pending_.next_ = slot.next_;
    pending_.previous_ = slot.previous_;
    pending_.next_->previous_ = &pending_;
    pending_.previous_->next_ = &pending_;
    slot.make_ring();
  }

  static void clear(timer_node& ring) noexcept {
    while (!ring.alone())
      ring.next_->unlink();
    ring.unlink();
  }

  steady_time origin_;
  /// Ticks whose slots were taken.
  std::uint64_t done_ = 0;
  /// A slot whose tick has come, and what of it is not looked at yet.
  timer_node pending_;
  std::array<timer_node, slots> slots_;
};

} // namespace hubbub::broker
