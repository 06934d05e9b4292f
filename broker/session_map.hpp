#pragma once

#include "broker/session_id.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace hubbub::broker {

/// What is known of sessions, each a small value; the first needs no memory of its own, as most rooms have
/// one. Nobody is never in it. One thread at a time.
template <class T>
class session_map {
  static_assert(std::is_trivially_copyable_v<T>);

public:
  /// Null: it is not in here. Valid until the next `put` or `take`.
  [[nodiscard]] const T* find(session_id who) const noexcept {
    const auto& place = slots()[place_of(who)];
    return who && place.who == who ? &place.what : nullptr;
  }
  [[nodiscard]] T* find(session_id who) noexcept { return const_cast<T*>(std::as_const(*this).find(who)); }
  /// Adds it, or changes what is known of it.
  void put(session_id who, T what) {
    assert(who);
    auto* place = &slots()[place_of(who)];
    if (place->who != who) {
      if (is_full()) {
        grow();
        place = &slots()[place_of(who)];
      }
      ++size_;
    }
    *place = {who, what};
  }
  /// False: it was not in here.
  bool take(session_id who) noexcept {
    auto at = place_of(who);
    auto* all = slots();
    if (!who || all[at].who != who)
      return false;
    // Those that had to give way to it come nearer to where they belong.
    for (auto next = (at + 1) & mask_; next != at && all[next].who; next = (next + 1) & mask_)
      if (((next - home_of(all[next].who)) & mask_) >= ((next - at) & mask_))
        all[std::exchange(at, next)] = all[next];
    all[at] = {};
    if (--size_ == 0) {
      many_.reset();
      mask_ = 0;
      one_ = {};
    }
    return true;
  }

  template <class F>
  void for_each(F f) const {
    for (std::size_t i = 0; i <= mask_; ++i)
      if (slots()[i].who)
        f(slots()[i].who, slots()[i].what);
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

private:
  struct slot {
    session_id who;
    T what{};
  };
  [[nodiscard]] slot* slots() noexcept { return many_ ? many_.get() : &one_; }
  [[nodiscard]] const slot* slots() const noexcept { return many_ ? many_.get() : &one_; }
  // Sessions are random, but whoever numbers them must not find all of them in one place.
  [[nodiscard]] std::uint32_t home_of(session_id who) const noexcept {
    return static_cast<std::uint32_t>((who.value * 0x9e3779b97f4a7c15U) >> 32) & mask_;
  }
  /// Where it is, or where it would be; of a table of one, which may be full, the only place.
  [[nodiscard]] std::uint32_t place_of(session_id who) const noexcept {
    const auto* all = slots();
    auto at = home_of(who);
    while (all[at].who && all[at].who != who && mask_ != 0)
      at = (at + 1) & mask_;
    return at;
  }
  /// A quarter stays free, so that no search is long.
  [[nodiscard]] bool is_full() const noexcept { return mask_ == 0 ? size_ == 1 : size_ >= mask_ - mask_ / 4; }
  void grow() {
    const auto n = mask_ == 0 ? 4U : 2 * (mask_ + 1);
    const auto before = mask_ + 1;
    const auto small = one_;
    auto old = std::exchange(many_, std::make_unique<slot[]>(n));
    mask_ = n - 1;
    for (std::uint32_t i = 0; i < before; ++i) {
      const auto& s = old ? old[i] : small;
      if (s.who)
        many_[place_of(s.who)] = s;
    }
  }

  slot one_;
  std::unique_ptr<slot[]> many_;
  std::uint32_t mask_ = 0;
  std::uint32_t size_ = 0;
};

} // namespace hubbub::broker
