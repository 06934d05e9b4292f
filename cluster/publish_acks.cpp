#include "cluster/publish_acks.hpp"

#include "cluster/jetstream_api.hpp"

#include <utility>

namespace hubbub::cluster {

std::shared_ptr<const nats_link::answer_filter> acks_of(const std::shared_ptr<jetstream_context>& with,
                                                        std::string stream) {
  return std::make_shared<const nats_link::answer_filter>(
      [with, stream = std::move(stream)](const nats_message& m) {
        if (js::is_ack_of(stream, m.data))
          return true;
        ++with->counters.foreign;
        with->log.limited(broker::log_level::warn, "nats", "foreign-ack",
                          "somebody else than its stream answers what is published to it, and is passed over",
                          {{"stream", stream}});
        return false;
      });
}

} // namespace hubbub::cluster
