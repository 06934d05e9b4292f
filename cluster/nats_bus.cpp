#include "cluster/nats_bus.hpp"

#include "cluster/jetstream_context.hpp"
#include "cluster/jetstream_log.hpp"
#include "cluster/live_room.hpp"
#include "cluster/nats_canary.hpp"

#include <string>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;

class connected_bus final : public nats_bus {
public:
  connected_bus(std::shared_ptr<jetstream_context> with, const broker::namespaces& spaces)
      : with_{std::move(with)},
        spaces_{spaces},
        log_{std::make_shared<jetstream_log>(with_, spaces)},
        canary_{std::make_shared<nats_canary>(with_)} {}

  ~connected_bus() override {
    log_->close();
    with_->link->close();
  }
  connected_bus(const connected_bus&) = delete;
  connected_bus& operator=(const connected_bus&) = delete;

  [[nodiscard]] broker::refusal start() {
    // What is called from the link's threads holds nothing that is gone when the bus is.
    nats_link::observer o;
    o.lost = [weak = std::weak_ptr{log_}] {
      if (const auto log = weak.lock())
        log->trouble_begins();
    };
    o.back = [weak = std::weak_ptr{log_}] {
      if (const auto log = weak.lock())
        log->trouble();
    };
    o.dropped = o.back;
    o.broke = [weak = std::weak_ptr{log_}] {
      if (const auto log = weak.lock())
        log->compare_everything();
    };
    o.tick = [log = std::weak_ptr{log_}, canary = std::weak_ptr{canary_}] {
      if (const auto l = log.lock())
        l->tick();
      if (const auto c = canary.lock())
        c->tick();
    };
    log_->prepare();
    with_->link->observe(std::move(o));
    auto why = log_->start();
    if (why.code == errc::ok)
      canary_->start();
    return why;
  }

  std::unique_ptr<broker::interest> want(const broker::room_name& room,
                                         std::shared_ptr<broker::event_bus_handler> handler) override {
    if (is_live(room)) {
      auto made = std::make_shared<live_room>(with_, room, std::move(handler));
      made->open(live_epoch());
      return std::make_unique<live_room_interest>(std::move(made));
    }
    return log_->want(room, std::move(handler));
  }

  void read(broker::read_request what, broker::read_handler done) override {
    if (!is_live(what.room))
      return log_->read(std::move(what), std::move(done));
    broker::read_result nothing;
    nothing.complete = what.after == 0;
    nothing.head.epoch = live_epoch();
    done(std::move(nothing));
  }

  broker::guarantee promises() const override { return log_->promises(); }

  broker::refusal health() const override {
    if (!with_->link->is_connected())
      return {errc::unavailable, "there is no connection to NATS"};
    if (auto why = log_->state(); why.code != errc::ok)
      return why;
    return canary_->state();
  }

  nats_figures figures() const noexcept override {
    const auto& c = with_->counters;
    return {c.foreign, c.not_json, c.bad_headers, c.missed, c.live_lost};
  }

private:
  /// Live rooms have no log: their positions are this node's own, and end with it.
  [[nodiscard]] std::string live_epoch() const { return with_->link->id().substr(0, 8); }
  [[nodiscard]] bool is_live(const broker::room_name& room) const noexcept {
    return spaces_.is_declared(room.space()) && spaces_.of(room).kind == broker::room_kind::live;
  }

  const std::shared_ptr<jetstream_context> with_;
  const broker::namespaces spaces_;
  const std::shared_ptr<jetstream_log> log_;
  const std::shared_ptr<nats_canary> canary_;
};

} // namespace

broker::result<std::unique_ptr<nats_bus>> open_nats_bus(nats_options options,
                                                        const broker::namespaces& spaces,
                                                        const broker::clock& time, broker::log_sink& log) {
  auto to = named_link::open(options, log);
  if (!to)
    return to.error();
  auto with = std::make_shared<jetstream_context>(std::move(options), std::move(to->names), time, log,
                                                  std::move(to->link));
  auto bus = std::make_unique<connected_bus>(std::move(with), spaces);
  if (auto why = bus->start(); why.code != errc::ok)
    return why;
  return std::unique_ptr<nats_bus>{std::move(bus)};
}

} // namespace hubbub::cluster
