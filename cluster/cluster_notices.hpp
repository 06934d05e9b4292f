#pragma once

#include "broker/notice.hpp"
#include "cluster/nats_rosters.hpp"

#include <utility>

namespace hubbub::cluster {

/// A node's notices: what is of the node goes to backends as it is; that a room has readers here, or none any
/// more, to the register that all nodes keep together, which tells backends of it. Any thread.
class cluster_notices final : public broker::notice_sink {
public:
  /// Both must outlive this. `of_rooms`: `occupied` or `vacated` is asked for.
  cluster_notices(broker::notice_sink& of_node, nats_rosters& rosters, bool of_rooms)
      : of_node_{of_node}, rosters_{rosters}, of_rooms_{of_rooms} {}

  [[nodiscard]] bool wants(broker::notice_kind what) const noexcept override {
    return is_of_room(what) ? of_rooms_ : of_node_.wants(what);
  }
  void put(broker::notice n) override {
    if (is_of_room(n.what))
      rosters_.occupy(n.room, n.what == broker::notice_kind::occupied);
    else
      of_node_.put(std::move(n));
  }

private:
  [[nodiscard]] static bool is_of_room(broker::notice_kind what) noexcept {
    return what == broker::notice_kind::occupied || what == broker::notice_kind::vacated;
  }

  broker::notice_sink& of_node_;
  nats_rosters& rosters_;
  const bool of_rooms_;
};

} // namespace hubbub::cluster
