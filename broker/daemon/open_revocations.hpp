#pragma once

#include "broker/clock.hpp"
#include "broker/daemon/config.hpp"
#include "broker/log.hpp"
#include "broker/metrics.hpp"
#include "broker/orders.hpp"
#include "broker/revocations.hpp"
#include "broker/revoked_list.hpp"
#include "broker/supervisor.hpp"
#include "cluster/nats_options.hpp"

#include <memory>

namespace hubbub::daemon {

/// Whom operators keep away, and how they give orders to all nodes.
struct node_control {
  std::unique_ptr<broker::revocations> revocations;
  /// Of the same; null: there are no other nodes.
  broker::order_source* orders = nullptr;
};

/// Where the configuration says that revocations are kept: in the cluster's NATS, in the data directory, or
/// in memory. All that is kept is in `list` when this returns; waits for the disk or the network. What is
/// passed must outlive it; `answers` answers for what breaks in its threads. `links`: of the
/// bus. A refusal is one sentence that names the file or the server.
[[nodiscard]] broker::result<node_control> open_revocations(const config& how, broker::revoked_list& list,
                                                            const broker::clock& time, broker::log_sink& log,
                                                            broker::metrics& all, broker::supervisor* answers,
                                                            std::shared_ptr<cluster::link_counters> links);

} // namespace hubbub::daemon
