#include "cluster/embedded_bus.hpp"

#include "cluster/live_interest.hpp"
#include "cluster/log.hpp"
#include "cluster/memory_log.hpp"
#include "cluster/sqlite_log.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

class embedded_bus final : public broker::event_bus {
public:
  embedded_bus(const broker::namespaces& spaces, std::unique_ptr<log> kept)
      : spaces_{spaces}, log_{std::move(kept)} {}

  std::unique_ptr<broker::interest> want(const broker::room_name& room,
                                         std::shared_ptr<broker::event_bus_handler> handler) override {
    if (is_live(room))
      return std::make_unique<live_interest>(log_->epoch(), std::move(handler));
    return log_->want(room, std::move(handler));
  }

  void read(broker::read_request what, broker::read_handler done) override {
    if (!is_live(what.room))
      return log_->read(std::move(what), std::move(done));
    broker::read_result nothing;
    nothing.complete = what.after == 0;
    nothing.head.epoch = log_->epoch();
    done(std::move(nothing));
  }

  broker::guarantee promises() const override { return log_->promises(); }
  broker::refusal health() const override { return log_->health(); }

private:
  bool is_live(const broker::room_name& room) const noexcept {
    return spaces_.of(room).kind == broker::room_kind::live;
  }

  const broker::namespaces spaces_;
  std::unique_ptr<log> log_;
};

} // namespace

broker::result<std::unique_ptr<broker::event_bus>> open_embedded_bus(const embedded_options& options,
                                                                     const broker::namespaces& spaces,
                                                                     const broker::clock& time) {
  std::unique_ptr<log> kept;
  if (options.data_dir.empty()) {
    kept = std::make_unique<memory_log>(spaces, time, options.answers, options.ids);
  } else {
    auto opened = sqlite_log::open(options, spaces, time);
    if (!opened)
      return opened.error();
    kept = std::move(*opened);
  }
  return std::unique_ptr<broker::event_bus>{std::make_unique<embedded_bus>(spaces, std::move(kept))};
}

} // namespace hubbub::cluster
