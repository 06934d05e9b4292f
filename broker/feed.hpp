#pragma once

#include "broker/connection.hpp"
#include "broker/policy.hpp"
#include "broker/room_name.hpp"
#include "broker/small_mutex.hpp"
#include "broker/tape.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace hubbub::broker {

class audience;
class presence_view;

/// Which of a room's feeds is the newer one: a room that was made anew, or whose tape could not go on
/// without a hole, shows another.
struct feed_serial {
  std::uint64_t generation = 0;
  std::uint64_t count = 0;
  auto operator<=>(const feed_serial&) const = default;
};

/// What a room shows to the event loops: its tapes, its newest presence, and
/// which loops were told of news. Made by the room with its first reader, shared with the loops.
class feed {
public:
  /// At most 64 loops: the masks below have a bit for each.
  /// `rules` have to outlive it.
  feed(room_name room, const policy& rules, std::uint32_t loops, tape_budget& budget, std::uint64_t after,
       feed_serial serial = {}, std::string epoch = {});
  feed(room_name room, const policy&& rules, std::uint32_t loops, tape_budget& budget, std::uint64_t after,
       feed_serial serial = {}, std::string epoch = {}) = delete;
  ~feed();
  feed(const feed&) = delete;
  feed& operator=(const feed&) = delete;

  [[nodiscard]] const room_name& room() const noexcept { return room_; }
  [[nodiscard]] const policy& rules() const noexcept { return rules_; }
  [[nodiscard]] const feed_serial& serial() const noexcept { return serial_; }
  /// The life of the log whose offsets its tapes have.
  [[nodiscard]] const std::string& epoch() const noexcept { return epoch_; }

  /// The tape that readers of `f` read; those of a format without a tape of its own read the plain one.
  [[nodiscard]] const tape& of(wire_format f) const noexcept {
    const auto* own = tapes_[static_cast<std::size_t>(f)].load(std::memory_order_acquire);
    return own ? *own : plain_;
  }
  /// Is `of(f)` the tape that readers of `f` will always read? Before that no place on it means anything to
  /// them: a room made anew adds a format's tape when it adopts or seats its first reader.
  [[nodiscard]] bool settled(wire_format f) const noexcept {
    return f == wire_format::websocket || !rules_.deflate ||
           tapes_[static_cast<std::size_t>(f)].load(std::memory_order_acquire) != nullptr;
  }
  /// The room only. Null when there is no such tape.
  [[nodiscard]] tape* writable(wire_format f) noexcept {
    return tapes_[static_cast<std::size_t>(f)].load(std::memory_order_relaxed);
  }
  /// Adds the tape of a format, beginning after `after`. The room only, before its first reader of that
  /// format is told.
  void add(wire_format f, tape_budget& budget, std::uint64_t after);

  /// Notes that `loops` have news; returns those of them that must be told. Any thread.
  [[nodiscard]] std::uint64_t mark_news(std::uint64_t loops) noexcept {
    // What the room wrote before is seen by whoever takes the news.
    return loops & ~news_.fetch_or(loops, std::memory_order_acq_rel);
  }
  /// The loop is about to look; was there news since it last did? That loop only.
  bool take_news(std::uint32_t loop) noexcept {
    return (news_.fetch_and(~bit(loop), std::memory_order_acq_rel) & bit(loop)) != 0;
  }
  [[nodiscard]] static constexpr std::uint64_t bit(std::uint32_t loop) noexcept {
    return std::uint64_t{1} << loop;
  }

  void show(std::shared_ptr<const presence_view> newest);
  [[nodiscard]] std::shared_ptr<const presence_view> presence() const;

  /// Another feed of the same room goes on from here. The room only.
  void replace(std::shared_ptr<feed> by);
  /// The one that replaced it; null: none. Whoever is to sit in a feed looks, as the news of that may come
  /// before the answer to its join.
  [[nodiscard]] std::shared_ptr<feed> replaced_by() const;

  /// Its readers on a loop. That loop only.
  [[nodiscard]] audience*& on(std::uint32_t loop) noexcept {
    return loop < on_first_.size() ? on_first_[loop] : on_others_[loop - on_first_.size()];
  }

private:
  room_name room_;
  const policy& rules_;
  feed_serial serial_;
  std::string epoch_;
  // Parts of it, not blocks of their own: most rooms of a large node do nothing else than be there.
  tape plain_;
  /// The plain one, and those that were added, which it owns. The loops may look while the room adds one.
  std::array<std::atomic<tape*>, wire_formats> tapes_{};
  std::atomic<std::uint64_t> news_{0};
  std::array<audience*, 2> on_first_{};
  /// Null on a node with no more loops than that.
  std::unique_ptr<audience*[]> on_others_;
  mutable small_mutex mutex_;
  std::shared_ptr<const presence_view> presence_;
  std::shared_ptr<feed> next_;
};

using feed_ptr = std::shared_ptr<feed>;

} // namespace hubbub::broker
