#include "cluster/jetstream_log.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {
namespace {

/// Seen with 2.9.10, and not with 2.10.24 and 2.11.4 (`tests/faults`): such a replica lacks what was
/// published while it was stopped first, numbers all that follows otherwise, is said to be current, and
/// answers who reads.
bool replicas_may_part(const js::stream_info& i) { return i.config.replicas > 1 && i.before_2_10; }

} // namespace

broker::guarantee jetstream_log::promises() const {
  // The least that any stream's real configuration gives.
  auto replicas = with_->options.replicas;
  auto may_part = false;
  std::vector<broker::guarantee::kept_namespace> each;
  for (const auto& [name, stream] : streams_) {
    const auto i = stream->info();
    if (i.config.name.empty()) {
      each.push_back({name, 0, {}});
      continue;
    }
    replicas = std::min(replicas, i.config.replicas);
    may_part = may_part || replicas_may_part(i);
    each.push_back({name, i.config.replicas, i.config.file ? "file" : "memory"});
  }
  std::string sentence;
  if (replicas <= 1)
    sentence = "JetStream keeps each event in a file of one server before it is confirmed: it survives the "
               "end of that server's process, not the loss of its disk";
  else
    sentence =
        "a majority of " + std::to_string(replicas) +
        " JetStream servers has each event in a file before it is confirmed: it survives the loss of " +
        std::to_string((replicas - 1) / 2) + " of them";
  if (may_part)
    sentence += ", but with nats-server before 2.10 not always that one stands still for seconds and goes on";
  return {"jetstream",
          sentence + "; when all of their machines lose power at once, what was confirmed since "
                     "nats-server last synced its files (every two minutes unless it is told "
                     "otherwise) may be lost",
          "server", replicas, std::move(each)};
}

void jetstream_log::look_at_guarantees() {
  for (const auto& [name, stream] : streams_) {
    const auto i = stream->info();
    const auto may_part = replicas_may_part(i);
    auto now =
        std::to_string(i.config.replicas) + (i.config.file ? " file" : " memory") + (may_part ? " old" : "");
    {
      std::lock_guard lock{mutex_};
      if (std::exchange(guarantees_[name], now) == now)
        continue;
    }
    with_->log.info("nats", "a namespace is kept by a stream",
                    {{"namespace", name},
                     {"stream", stream->name()},
                     {"replicas", i.config.replicas},
                     {"storage", i.config.file ? "file" : "memory"}});
    if (may_part)
      with_->log.warn(
          "nats",
          "the replicas of the stream may come to differ when its leader stands still for seconds and "
          "goes on, and events are lost to readers or come twice: use nats-server 2.10 or newer",
          {{"stream", stream->name()}});
  }
}

} // namespace hubbub::cluster
