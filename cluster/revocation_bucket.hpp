#pragma once

#include "broker/orders.hpp"
#include "broker/revocation.hpp"
#include "broker/revoked_list.hpp"
#include "cluster/bucket_key.hpp"
#include "cluster/consumer_run.hpp"
#include "cluster/jetstream_api.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/publish_acks.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::cluster {

/// The bucket that a cluster keeps its revocations in. What is put there is heard as it is published, which
/// takes a millisecond and may fail; so the stream is looked at after every trouble, and every few seconds,
/// and what was not heard is read. Any thread; nothing waits.
class revocation_bucket : public std::enable_shared_from_this<revocation_bucket> {
public:
  using handler = std::function<void(broker::refusal)>;

  revocation_bucket(std::shared_ptr<jetstream_context> with, broker::revoked_list& list);

  /// `read`: called once, when all that is kept is in the list, or why it cannot be.
  void start(handler read);
  void close();
  void revoke(broker::revocation what, handler done);
  /// `f` is told of each order over NATS that this node took, when it is kept.
  void on_ordered(std::function<void(const broker::revocation&)> f);

private:
  [[nodiscard]] std::string subject_of(const broker::revocation& what) const {
    return subjects_ + bucket_key(what);
  }
  [[nodiscard]] std::string config(std::int64_t keep_ns, std::uint32_t replicas) const;
  void tick();
  /// Somebody may have put what was not heard: look soon.
  void doubt();

  void look();
  void ask();
  void told(nats_link::fate f, const nats_message& m);
  void make();
  void update(const js::stream_info& i);
  void changed(nats_link::fate f, const nats_message& m);
  void judge(const js::stream_info& i);
  void read(const js::stream_info& i);
  /// Of what lies up to `last`, something did not come: is it there?
  void ask_what_is_left(std::uint64_t last);
  void told_what_is_left(nats_link::fate f, const nats_message& m, std::uint64_t last);
  void read_done(const broker::refusal& why, std::uint64_t last);
  void finish(const broker::refusal& why);

  /// Reads what stands for that name, and puts what both mean in its place unless that has changed meanwhile:
  /// then again, so often. Of two that are put at once neither is lost.
  void put(broker::revocation what, int tries, handler done);
  /// `after`: the sequence of what it replaces; 0: of nothing.
  void put_after(std::uint64_t after, broker::revocation what, int tries, handler done);
  /// The bucket is another one: what is known is put there again.
  void put_all();
  void put_more();

  void heard(std::string_view subject, const header_lines& headers, std::string_view data,
             std::int64_t time_ms);
  void ordered(std::string_view json, const broker::order_reply& reply);

  const std::shared_ptr<jetstream_context> with_;
  broker::revoked_list& list_;
  const std::string stream_;
  const std::shared_ptr<const nats_link::answer_filter> acks_ = acks_of(with_, stream_);
  const std::string subjects_;
  const std::int64_t keep_ns_;
  nats_link::subscription entries_;
  nats_link::subscription orders_;

  std::mutex mutex_;
  // Guarded by mutex_.
  bool closed_ = false;
  bool looking_ = false;
  bool doubted_ = false;
  handler first_;
  std::function<void(const broker::revocation&)> on_ordered_;
  std::string created_;
  std::uint64_t read_to_ = 0;
  /// Of this look: how often what is there did not come.
  int tries_ = 0;
  std::int64_t looked_ms_ = 0;
  /// After a read that was refused: it would be again.
  std::int64_t not_before_ms_ = 0;
  std::shared_ptr<consumer_run> run_;
  /// Still to be put into a bucket that is another one, and how many are on their way there.
  std::vector<broker::revocation> to_put_;
  std::size_t putting_ = 0;
};

} // namespace hubbub::cluster
