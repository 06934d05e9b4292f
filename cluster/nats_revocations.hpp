#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/log.hpp"
#include "broker/orders.hpp"
#include "broker/revocations.hpp"
#include "broker/revoked_list.hpp"
#include "cluster/nats_options.hpp"

#include <memory>

namespace hubbub::cluster {

/// The revocations of a cluster, and the connection by which operators give orders to its nodes.
class nats_revocations : public broker::revocations, public broker::order_source {};

/// The revocations of a cluster: a JetStream key-value bucket, `<prefix>_revocations`, whose entries end when
/// `list` would forget them. What any node or operator puts there arrives in `list` at once; so does what
/// comes to `<prefix>.control.revoke`, which one of the nodes puts there. Has a connection of its own, so
/// that no load of events delays it.
///
/// Makes the bucket when there is none; all that it holds is in `list` when this returns. Waits for the
/// network. A refusal (`unavailable`) is one sentence that names the server or the stream. `list`, `time` and
/// `log` must outlive what is returned.
[[nodiscard]] broker::result<std::unique_ptr<nats_revocations>>
open_nats_revocations(const nats_options& options, broker::revoked_list& list, const broker::clock& time,
                      broker::log_sink& log);

} // namespace hubbub::cluster
