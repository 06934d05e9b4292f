#include "cluster/nats_revocations.hpp"

#include "cluster/jetstream_context.hpp"
#include "cluster/revocation_bucket.hpp"

#include <future>
#include <utility>

namespace hubbub::cluster {
namespace {

class nats_revocations final : public broker::revocations {
public:
  explicit nats_revocations(std::shared_ptr<revocation_bucket> bucket) : bucket_{std::move(bucket)} {}
  ~nats_revocations() override { bucket_->close(); }
  nats_revocations(const nats_revocations&) = delete;
  nats_revocations& operator=(const nats_revocations&) = delete;

  [[nodiscard]] broker::refusal start() {
    auto read = std::make_shared<std::promise<broker::refusal>>();
    auto why = read->get_future();
    bucket_->start([read](broker::refusal r) { read->set_value(std::move(r)); });
    return why.get(); // the link answers every request in time
  }

  void revoke(broker::revocation what, handler done) override {
    bucket_->revoke(std::move(what), std::move(done));
  }

private:
  const std::shared_ptr<revocation_bucket> bucket_;
};

} // namespace

broker::result<std::unique_ptr<broker::revocations>> open_nats_revocations(const nats_options& options,
                                                                           broker::revoked_list& list,
                                                                           const broker::clock& time,
                                                                           broker::log_sink& log) {
  auto to = named_link::open(options, log);
  if (!to)
    return to.error();
  auto with =
      std::make_shared<jetstream_context>(options, std::move(to->names), time, log, std::move(to->link));
  auto made = std::make_unique<nats_revocations>(std::make_shared<revocation_bucket>(std::move(with), list));
  if (auto why = made->start(); why.code != broker::errc::ok)
    return why;
  return std::unique_ptr<broker::revocations>{std::move(made)};
}

} // namespace hubbub::cluster
