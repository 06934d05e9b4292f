#pragma once

#include "broker/clock.hpp"
#include "broker/reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace hubbub::broker {

/// The readers of one room on one loop: dense arrays, walked round and round as
/// long as there is news. Its loop only.
class audience {
public:
  /// What the walk needs of a reader.
  struct seat {
    connection* wire;
    reader* who;
    cursor at;
  };
  /// The place of a reader that is not on the tape: there is never news for it there.
  static constexpr std::uint64_t off_tape = UINT64_MAX;

  audience(feed_ptr from, std::uint32_t loop);
  ~audience();
  audience(const audience&) = delete;
  audience& operator=(const audience&) = delete;

  /// `r` reads on from `at`, or, when `at` is a place on another feed's tape, from its offset. Begins a
  /// round: something may be there already.
  void add(reader& r, cursor at, const feed_serial& on);
  void remove(reader& r);

  [[nodiscard]] seat& seat_of(reader& r) noexcept { return seats(r)[r.index]; }
  [[nodiscard]] std::vector<seat>& seats(wire_format f) noexcept {
    return seats_[static_cast<std::size_t>(f)];
  }
  /// Everybody is to be visited, from where the last walk stopped: the seats of all formats are one ring.
  void begin_round() noexcept;
  /// How many the walk has still to visit.
  [[nodiscard]] std::size_t left() const noexcept { return round_.left; }
  /// Seats of one format that the walk visits next.
  struct run {
    wire_format format;
    std::span<seat> seats;
  };
  /// While some are left; never empty.
  [[nodiscard]] run next_run() noexcept;
  /// So many of them were.
  void visited(std::size_t n) noexcept;

  [[nodiscard]] bool empty() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;

  [[nodiscard]] feed& from() noexcept { return *from_; }
  [[nodiscard]] const feed_ptr& shared_feed() const noexcept { return from_; }
  /// The room shows another feed: its readers go on from their offsets on the new tape. Begins a round.
  void move_to(feed_ptr next);
  /// The tapes that were missing in `move_to` are there: places the readers that wait for them. Begins a
  /// round.
  void place_rest();

  [[nodiscard]] std::size_t presence_readers() const noexcept {
    return presence_ ? presence_->readers.size() : 0;
  }
  /// All who asked for presence are to be shown it. False: that was so already, or nobody did.
  bool begin_presence() noexcept;
  /// How many are still to be shown it.
  [[nodiscard]] std::size_t presence_left() const noexcept { return presence_ ? presence_->left : 0; }
  /// Some of them, at most `most`; they count as done.
  [[nodiscard]] std::span<reader* const> next_presence(std::size_t most) noexcept;

  /// A walk that takes several turns: since when it has been under way, and how many it has visited. When
  /// they are as many as there are, whoever was first has its turn again.
  struct lap {
    steady_time since{};
    std::size_t visited = 0;
  };
  lap under_way;
  /// It is in the loop's list of news for this turn.
  bool has_news = false;

private:
  [[nodiscard]] std::vector<seat>& seats(const reader& r) noexcept { return seats(r.to->format); }
  void place(seat& s, wire_format f, const tape_view& view);
  /// Makes `dropped` exact: what was kept from it so far is no loss.
  void begin_counting(const seat& s);
  std::uint32_t loop_;
  struct {
    std::uint32_t format = 0;
    std::uint32_t next = 0;
    std::uint32_t left = 0;
  } round_;
  feed_ptr from_;
  std::array<std::vector<seat>, wire_formats> seats_;
  struct presence_round {
    std::vector<reader*> readers;
    std::size_t next = 0;
    std::size_t left = 0;
  };
  /// Null until somebody asks for presence.
  std::unique_ptr<presence_round> presence_;
};

inline feed& reader::feed() const noexcept { return in->from(); }

} // namespace hubbub::broker
