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

/// Reads the log for readers of one loop that fell off their tapes: one read
/// for all that stand at the same position, a bounded number at a time, and
/// only for sockets that take bytes. Its loop only.
class log_puller final : public broker::log_reader {
public:
  log_puller(node_context& node, loop_unit& at) : node_{node}, at_{at} {}

  void pull(broker::reader& r) override;
  /// `r` goes: it gets nothing any more.
  void forget(broker::reader& r);
  /// Asks again for those whose read failed. With each tick of the loop.
  void retry();

private:
  struct position {
    broker::room_name room;
    std::uint64_t after;
    broker::wire_format format;
    auto operator<=>(const position&) const = default;
  };
  void start(const position& p);
  void came(const position& p, const broker::read_result& r);
  void serve(broker::reader& r, const broker::read_result& from, const broker::segment& chunk);

  // What the reads of a node may hold in memory at once, reads times bytes, is split among its loops.
  static constexpr std::size_t node_reads = 64;
  static constexpr std::size_t read_bytes = 131'072;
  [[nodiscard]] std::size_t most_reads() const noexcept {
    return std::max<std::size_t>(node_reads / std::max<std::size_t>(node_.loops.size(), 1), 1);
  }

  node_context& node_;
  loop_unit& at_;
  std::map<position, std::vector<broker::reader*>> waiting_;
  std::size_t reading_ = 0;
  std::vector<position> queue_;
  std::vector<broker::reader*> later_;
};

} // namespace hubbub::actors
