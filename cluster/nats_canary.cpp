#include "cluster/nats_canary.hpp"

#include "cluster/position_watch.hpp"
#include "cluster/stream_note.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {
namespace {

constexpr std::int64_t minute_ns = 60'000'000'000;
constexpr int canary_is_there = 10058;

} // namespace

nats_canary::nats_canary(std::shared_ptr<jetstream_context> with)
    : with_{std::move(with)},
      stream_{with_->names.canary_stream()},
      in_{with_->names.canary_in(with_->link->id())},
      out_{with_->names.canary_out(with_->link->id())},
      heard_{position_watch::now()},
      looked_{position_watch::now()} {}

void nats_canary::start() {
  subscription_ = with_->link->subscribe(out_, [weak = weak_from_this()](const nats_message& m) {
    const auto self = weak.lock();
    if (self && m.headers.last("Nats-Stream") == self->stream_)
      self->heard_ = position_watch::now();
  });
  sing();
  look();
}

void nats_canary::tick() {
  const auto now = position_watch::now();
  if (now - looked_ >= with_->options.every.configuration.count()) {
    looked_ = now;
    look();
  }
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

// -- its stream ---------------------------------------------------------------------

js::stream_config nats_canary::wanted() const {
  stream_note note;
  note.generation = with_->options.generation;
  note.policy = "canary";
  js::stream_config c;
  c.name = stream_;
  c.description = note.str();
  c.subject = with_->names.canary_in(">");
  c.republish_from = c.subject;
  c.republish_to = with_->names.canary_out(">");
  c.max_msgs_per_subject = 1;
  c.max_age_ns = minute_ns;
  c.duplicate_window_ns = minute_ns;
  c.replicas = with_->options.replicas;
  return c;
}

void nats_canary::look() {
  with_->link->request("$JS.API.STREAM.INFO." + stream_, {}, {},
                       [self = shared_from_this()](nats_link::fate f, const nats_message& m) {
                         if (f != nats_link::fate::answered)
                           return; // no canary comes back either
                         const auto i = js::read_stream_info(m.data);
                         if (i.why.err_code == js::stream_not_found)
                           self->make_stream();
                         else if (i.why)
                           self->refused(i.why);
                         else
                           self->judge(i);
                       });
}

void nats_canary::judge(const js::stream_info& i) {
  auto right = wanted();
  // A node that has a newer configuration decides; of two that have the same one, who wants more servers.
  if (const auto note = stream_note::parse(i.config.description)) {
    if (note->generation > with_->options.generation)
      return;
    if (note->generation == with_->options.generation)
      right.replicas = std::max(right.replicas, i.config.replicas);
  }
  if (i.config == right)
    return;
  with_->link->request("$JS.API.STREAM.UPDATE." + stream_, {}, js::to_json(right),
                       [self = shared_from_this()](nats_link::fate f, const nats_message& m) {
                         if (f != nats_link::fate::answered)
                           return;
                         if (const auto now = js::read_stream_info(m.data); now.why)
                           self->refused(now.why);
                       });
}

void nats_canary::make_stream() {
  with_->link->request("$JS.API.STREAM.CREATE." + stream_, {}, js::to_json(wanted()),
                       [self = shared_from_this()](nats_link::fate f, const nats_message& m) {
                         if (f != nats_link::fate::answered)
                           return;
                         const auto made = js::read_stream_info(m.data);
                         if (made.why.err_code == canary_is_there)
                           return; // by a node that is told otherwise: the next look judges it
                         if (made.why)
                           self->refused(made.why);
                         else
                           self->sing();
                       });
}

void nats_canary::refused(const js::error& why) {
  with_->log.limited(broker::log_level::error, "nats", "canary-stream",
                     "the canary's stream could not be configured: " + why.description,
                     {{"stream", stream_}, {"replicas", with_->options.replicas}});
}

broker::refusal nats_canary::state() const {
  const auto silent = position_watch::now() - heard_;
  if (silent < with_->options.every.canary_late.count())
    return {broker::errc::ok};
  return {broker::errc::unavailable,
          "nothing that was published came back through the log for " + std::to_string(silent / 1000) + " s"};
}

} // namespace hubbub::cluster
