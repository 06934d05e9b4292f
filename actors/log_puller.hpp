#pragma once

#include "actors/node_context.hpp"
#include "broker/delivery.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace hubbub::actors {

/// Reads the log for readers of one loop that fell off their tapes, a page at a time: each page for all of
/// its room whose next event is on it, whatever positions they stand at. A bounded number of pages at a time,
/// and only for sockets that take bytes. A reader waits for two pages that do not reach it, at most, before
/// it has its own: how slow others are, and how far behind, is nothing to it. Its loop only.
class log_puller final : public broker::log_reader {
public:
  log_puller(node_context& node, loop_unit& at) : node_{node}, at_{at} {}

  void pull(broker::reader& r) override;
  /// `r` goes: it gets nothing any more.
  void forget(broker::reader& r);
  /// Asks again for those whose read failed. With each tick of the loop.
  void retry();

private:
  struct waiter {
    broker::reader* who;
    /// It waited for a page that did not reach it.
    bool missed = false;
  };
  /// What is asked of the log, or will be when it is its turn.
  struct page {
    std::uint64_t after;
    std::vector<waiter> those;
  };
  struct room_reads {
    /// No two begin at the same place.
    std::vector<page> pages;
    /// Those for whom it is not known whether a page reaches them: they wait for the first that comes. Nobody
    /// when there is none.
    std::vector<waiter> next;
    /// How far the last page reached.
    std::uint64_t span = 0;
  };
  struct place {
    broker::room_name room;
    std::uint64_t after;
  };

  /// The page that it waits for then; null: there is none for it.
  [[nodiscard]] static page* page_for(room_reads& here, const waiter& w);
  void ask(place p);
  void start(place p);
  void came(const place& p, const broker::read_result& r);
  /// Takes those who wait for that page, or for any, out of `here`. Returns those whom it serves; for the
  /// others pages are asked of their own.
  [[nodiscard]] std::vector<broker::reader*> take(room_reads& here, const place& p,
                                                  const broker::read_result& r);
  void serve(const std::vector<broker::reader*>& those, broker::wire_format format, const place& p,
             const broker::read_result& r);
  void serve(broker::reader& r, const broker::read_result& from, const broker::segment& chunk);

  // What the reads of a node may hold in memory at once, reads times bytes, is split among its loops.
  static constexpr std::size_t node_reads = 64;
  static constexpr std::size_t read_bytes = 131'072;
  [[nodiscard]] std::size_t most_reads() const noexcept {
    return std::max<std::size_t>(node_reads / std::max<std::size_t>(node_.loops.size(), 1), 1);
  }

  node_context& node_;
  loop_unit& at_;
  std::map<broker::room_name, room_reads> rooms_;
  std::size_t reading_ = 0;
  std::vector<place> queue_;
  std::vector<broker::reader*> later_;
};

} // namespace hubbub::actors
