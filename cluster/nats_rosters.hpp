#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/log.hpp"
#include "broker/roster_bus.hpp"
#include "cluster/membership.hpp"
#include "cluster/nats_options.hpp"
#include "cluster/roster_counters.hpp"
#include "cluster/roster_options.hpp"

#include <memory>
#include <vector>

namespace hubbub::cluster {

class roster_hub;

/// The people of rooms between the nodes of a cluster, over NATS, and which nodes there are. Has a connection
/// of its own, so that no load of events keeps a beat from going out. One thread of the process hears what
/// comes on all connections: how late that is, our own beats tell. Any thread; nothing waits but `open` and
/// the end.
class nats_rosters final : public broker::roster_bus {
public:
  /// Connects, and begins to beat; waits for the network. A refusal (`unavailable`) names the server in one
  /// sentence. `options.node` must differ between nodes: of two of one name the later one holds. `time` and
  /// `log` must outlive this.
  [[nodiscard]] static broker::result<std::unique_ptr<nats_rosters>> open(const nats_options& options,
                                                                          const roster_options& how,
                                                                          const broker::clock& time,
                                                                          broker::log_sink& log);
  /// Says farewell: for the other nodes our people are gone at once, unless this node was drained. Waits a
  /// moment for that to go out.
  ~nats_rosters() override;
  nats_rosters(const nats_rosters&) = delete;
  nats_rosters& operator=(const nats_rosters&) = delete;

  [[nodiscard]] std::unique_ptr<broker::roster_interest>
  want(const broker::room_name& room, std::shared_ptr<broker::roster_bus_handler> handler) override;

  [[nodiscard]] std::vector<broker::other_node> others() const override;
  [[nodiscard]] bool knows_others() const override;
  /// The others that are alive, by owner.
  [[nodiscard]] std::vector<living_node> nodes() const;
  /// This node, in this life.
  [[nodiscard]] broker::owner_id self() const noexcept;
  /// The room has readers on this node, or none any more. What backends are told of it, if `roster_options`
  /// says so, all nodes decide together.
  void occupy(const broker::room_name& room, bool here);
  /// The others see it in `nodes`, too.
  void drain() override;
  [[nodiscard]] const roster_counters& counters() const noexcept;

private:
  explicit nats_rosters(std::shared_ptr<roster_hub> hub);
  const std::shared_ptr<roster_hub> hub_;
};

} // namespace hubbub::cluster
