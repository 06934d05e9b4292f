#include "broker/daemon/open_revocations.hpp"

#include "broker/daemon/open_bus.hpp"
#include "cluster/embedded_revocations.hpp"
#include "cluster/nats_revocations.hpp"

namespace hubbub::daemon {

broker::result<std::unique_ptr<broker::revocations>>
open_revocations(const config& how, broker::revoked_list& list, const broker::clock& time,
                 broker::log_sink& log, broker::supervisor* answers) {
  if (how.nats.url.empty())
    return cluster::open_embedded_revocations(how.server.data_dir, list, time, answers);
  auto options = nats_options_of(how);
  options.answers = answers;
  return cluster::open_nats_revocations(options, list, time, log);
}

} // namespace hubbub::daemon
