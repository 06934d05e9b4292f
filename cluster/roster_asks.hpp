#pragma once

#include "broker/clock.hpp"
#include "broker/room_name.hpp"
#include "broker/roster_part.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// Which rooms are still to be asked about, of which nodes: so many a second, many in one message. One
/// thread at a time.
class roster_asks {
public:
  /// What goes in one message.
  struct batch {
    broker::owner_id of = 0;
    std::vector<broker::room_name> rooms;
  };

  explicit roster_asks(std::uint32_t per_second);

  void add(broker::owner_id of, const broker::room_name& room) { rooms_[of].push_back(room); }
  /// Instead of what is still to be asked of that node.
  void add_all(broker::owner_id of, std::deque<broker::room_name> rooms);
  /// It was not answered: from `when` on it is to be asked again.
  void add_again(batch b, broker::steady_time when) { later_.emplace_back(when, std::move(b)); }
  void forget(broker::owner_id of);

  /// What may be asked now.
  [[nodiscard]] std::vector<batch> next(broker::steady_time now);

  static constexpr std::size_t most_in_batch = 200;

private:
  void earn(broker::steady_time now);
  void take_due(broker::steady_time now);

  const double per_second_;
  double budget_;
  broker::steady_time earned_{};
  std::map<broker::owner_id, std::deque<broker::room_name>> rooms_;
  std::deque<std::pair<broker::steady_time, batch>> later_;
};

} // namespace hubbub::cluster
