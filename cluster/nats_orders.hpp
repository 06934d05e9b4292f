#pragma once

#include "broker/orders.hpp"
#include "cluster/jetstream_context.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// Orders that come to `control.<what>` go to `to` until what is returned is destroyed. A refusal is answered
/// with `{code, message, node}` and counted; it is logged, too, once a minute, when the order was not
/// understood or nobody waits for the answer. Nobody is answered on a subject of ours or of NATS'. Of all
/// with the same `queue` one gets each order; empty: every one does. Any thread.
[[nodiscard]] nats_link::subscription obey_orders(const std::shared_ptr<jetstream_context>& with,
                                                  std::string_view what, broker::order_handler to,
                                                  std::string queue = {});

} // namespace hubbub::cluster
