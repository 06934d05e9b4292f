#include "cluster/nats_revocations.hpp"

#include "cluster/jetstream_context.hpp"
#include "cluster/nats_orders.hpp"
#include "cluster/revocation_bucket.hpp"

#include <future>
#include <mutex>
#include <utility>
#include <vector>

namespace hubbub::cluster {
namespace {

class connected_revocations final : public nats_revocations {
public:
  connected_revocations(std::shared_ptr<jetstream_context> with, broker::revoked_list& list)
      : with_{std::move(with)}, bucket_{std::make_shared<revocation_bucket>(with_, list)} {}
  ~connected_revocations() override { bucket_->close(); }
  connected_revocations(const connected_revocations&) = delete;
  connected_revocations& operator=(const connected_revocations&) = delete;

  [[nodiscard]] broker::refusal start() {
    auto read = std::make_shared<std::promise<broker::refusal>>();
    auto why = read->get_future();
    bucket_->start([read](broker::refusal r) { read->set_value(std::move(r)); });
    return why.get(); // the link answers every request in time
  }

  void revoke(broker::revocation what, handler done) override {
    bucket_->revoke(std::move(what), std::move(done));
  }

  void obey(std::string_view what, broker::order_handler to) override {
    auto made = obey_orders(with_, what, std::move(to));
    std::lock_guard lock{mutex_};
    orders_.push_back(std::move(made));
  }
  void on_revoked(std::function<void(const broker::revocation&)> f) override {
    bucket_->on_ordered(std::move(f));
  }
  [[nodiscard]] std::uint64_t not_understood() const noexcept override { return with_->counters.bad_orders; }
  [[nodiscard]] std::uint64_t refused() const noexcept override { return with_->counters.refused_orders; }

private:
  const std::shared_ptr<jetstream_context> with_;
  const std::shared_ptr<revocation_bucket> bucket_;
  std::mutex mutex_;
  std::vector<nats_link::subscription> orders_;
};

} // namespace

broker::result<std::unique_ptr<nats_revocations>> open_nats_revocations(const nats_options& options,
                                                                        broker::revoked_list& list,
                                                                        const broker::clock& time,
                                                                        broker::log_sink& log) {
  auto to = named_link::open(options, log);
  if (!to)
    return to.error();
  auto with =
      std::make_shared<jetstream_context>(options, std::move(to->names), time, log, std::move(to->link));
  auto made = std::make_unique<connected_revocations>(std::move(with), list);
  if (auto why = made->start(); why.code != broker::errc::ok)
    return why;
  return std::unique_ptr<nats_revocations>{std::move(made)};
}

} // namespace hubbub::cluster
