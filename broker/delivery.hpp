#pragma once

#include "broker/audience.hpp"

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::broker {

/// Reads from the log for readers that fell off the tape.
class log_reader {
public:
  virtual ~log_reader() = default;
  /// Continues `r` from its offset: a read of the log, whose events are sent when they come.
  virtual void pull(reader& r) = 0;
};

/// A number that one thread writes and any may read.
class relaxed_count {
public:
  void operator+=(std::uint64_t by) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  void operator++() noexcept { *this += 1; }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_{0};
};

/// What a loop has delivered.
struct delivery_counts {
  relaxed_count frames;
  relaxed_count bytes;
  relaxed_count writes;
  relaxed_count dropped;
  relaxed_count overtaken;
};

/// Sends what is on tapes to the readers of one loop: everything there is for a
/// socket in one write, its cursor moved behind the last frame that left.
/// No allocation, lock or encoding per reader. Its loop only.
class delivery {
public:
  explicit delivery(log_reader& log) : log_{log} {}

  /// Visits who is left of the audience's round, but ends after `most` writes; what comes onto the tape
  /// before the next call, those ahead get in the same write. True: nobody is left. `alone`: no other room
  /// has news in this turn; otherwise connections in several rooms are only noted in `marked`.
  bool walk(audience& a, bool alone, std::vector<recipient*>& marked, std::size_t most = SIZE_MAX);
  /// Sends what the noted rooms have for each of them, in one write each, and forgets them.
  void send_marked(std::vector<recipient*>& marked);
  /// Sends to one reader, which was just added or came back to the tape.
  void send_to(reader& r);
  /// The reader's socket was full and drains again.
  void drained(reader& r);

  /// Sends events that were read from the log, from `r`'s cursor on; `chunk` holds their frames.
  /// True: all of them are gone.
  bool send_chunk(reader& r, const segment& chunk);

  [[nodiscard]] const delivery_counts& counts() const noexcept { return counts_; }

private:
  /// Returns how many were visited; takes what was written from `most`.
  std::size_t walk_run(const audience::run& run, feed& from, bool alone, std::vector<recipient*>& marked,
                       std::size_t& most);
  void send_marked(recipient& to);
  /// Where in `looks_` a tape is as it was when one of the first of the marked came to it.
  [[nodiscard]] std::size_t look_at(const tape& from);
  void send(audience::seat& s, const tape_view& view);
  void gather(audience::seat& s, const tape_view& view);
  /// `gone` bytes of the slices from `first` on were taken, but not all: moves the cursor behind the
  /// frame that was torn and keeps its rest.
  void advance(audience::seat& s, const tape_view& view, std::size_t gone, std::size_t first);
  void overtaken(audience::seat& s);
  void overtaken_live(audience::seat& s);
  [[nodiscard]] bool send_conflated(audience::seat& s, const std::vector<conflated>& newest);
  /// Moves a live reader to `target`; what it did not get on the way is told as dropped.
  /// `excluded`: frames kept from it that were ever written before `target`.
  void skip(audience::seat& s, cursor target, std::uint64_t excluded);

  log_reader& log_;
  delivery_counts counts_;
  // Scratch, kept so that nothing is allocated per reader.
  std::vector<std::string_view> slices_;
  std::vector<std::uint64_t> places_;
  std::string text_;
  struct look {
    const tape* from;
    tape_view view;
  };
  std::vector<look> looks_;
  struct part {
    audience::seat* seat;
    /// In `looks_`.
    std::size_t look;
    std::size_t first;
    std::size_t total;
  };
  std::vector<part> parts_;
  std::vector<reader*> with_news_;
};

} // namespace hubbub::broker
