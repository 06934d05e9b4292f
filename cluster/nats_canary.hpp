#pragma once

#include "broker/errc.hpp"
#include "cluster/jetstream_api.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/publish_acks.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace hubbub::cluster {

/// Publishes to a stream of its own every second and waits to hear of it: what it hears went through the
/// log, its republishing and a subscription of this node, as events do. Keeps that stream on as many servers
/// as the events' streams, or its end would be taken for theirs. Any thread.
class nats_canary : public std::enable_shared_from_this<nats_canary> {
public:
  explicit nats_canary(std::shared_ptr<jetstream_context> with);

  /// Once.
  void start();
  /// Called about every 20 ms.
  void tick();

  /// `ok`: one came back not long ago.
  [[nodiscard]] broker::refusal state() const;

private:
  void sing();
  /// Is the stream as it should be?
  void look();
  void judge(const js::stream_info& i);
  void make_stream();
  [[nodiscard]] js::stream_config wanted() const;
  void refused(const js::error& why);

  const std::shared_ptr<jetstream_context> with_;
  const std::string stream_;
  const std::shared_ptr<const nats_link::answer_filter> acks_ = acks_of(with_, stream_);
  const std::string in_;
  const std::string out_;
  nats_link::subscription subscription_;
  /// Milliseconds of the steady clock.
  std::atomic<std::int64_t> heard_;
  std::int64_t sung_ = 0;
  std::int64_t looked_;
  /// Its two threads sing: the one that ticks, and the one that hears of the stream.
  std::atomic<std::uint64_t> songs_{0};
};

} // namespace hubbub::cluster
