#include "cluster/nats_canary.hpp"

#include "cluster/jetstream_api.hpp"
#include "cluster/position_watch.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

constexpr std::int64_t minute_ns = 60'000'000'000;

} // namespace

nats_canary::nats_canary(std::shared_ptr<jetstream_context> with)
    : with_{std::move(with)},
      stream_{with_->names.canary_stream()},
      in_{with_->names.canary_in(with_->link->id())},
      out_{with_->names.canary_out(with_->link->id())},
      heard_{position_watch::now()} {}

void nats_canary::start() {
  subscription_ = with_->link->subscribe(out_, [weak = weak_from_this()](const nats_message& m) {
    const auto self = weak.lock();
    if (self && m.headers.last("Nats-Stream") == self->stream_)
      self->heard_ = position_watch::now();
  });
  sing();
}

void nats_canary::tick() {
  const auto now = position_watch::now();
  if (now - sung_ < with_->options.every.canary.count())
    return;
  sung_ = now;
  sing();
}

void nats_canary::sing() {
  with_->link->request(
      in_, {}, std::to_string(++songs_),
      [self = shared_from_this()](nats_link::fate f, const nats_message& m) {
        // It is not there yet, or somebody has deleted it.
        if (f == nats_link::fate::nobody)
          self->make_stream();
        else if (f == nats_link::fate::answered && js::read_ack(m.data).why)
          self->with_->log.limited(broker::log_level::warn, "nats", "canary", "the log refuses the canary");
      },
      acks_);
}

void nats_canary::make_stream() {
  js::stream_config c;
  c.name = stream_;
  c.description = "shows that the log works";
  c.subject = with_->names.canary_in(">");
  c.republish_from = c.subject;
  c.republish_to = with_->names.canary_out(">");
  c.max_msgs_per_subject = 1;
  c.max_age_ns = minute_ns;
  c.duplicate_window_ns = minute_ns;
  c.replicas = with_->options.replicas;
  with_->link->request("$JS.API.STREAM.CREATE." + stream_, {}, js::to_json(c),
                       [self = shared_from_this()](nats_link::fate f, const nats_message& m) {
                         if (f == nats_link::fate::answered && !js::read_stream_info(m.data).why)
                           self->sing();
                       });
}

broker::refusal nats_canary::state() const {
  const auto silent = position_watch::now() - heard_;
  if (silent < with_->options.every.canary_late.count())
    return {broker::errc::ok};
  return {broker::errc::unavailable,
          "nothing that was published came back through the log for " + std::to_string(silent / 1000) + " s"};
}

} // namespace hubbub::cluster
