#pragma once

#include "broker/event_bus.hpp"
#include "cluster/consumer_run.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/retained_stream.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

namespace hubbub::cluster {

/// One read of a room's log: asks the leader for the head, reads up to it from whoever has it, and finds out
/// whether that is all that ever was. Any thread.
class jetstream_read : public std::enable_shared_from_this<jetstream_read> {
public:
  /// `over` is called after `done`, when another read may begin.
  jetstream_read(std::shared_ptr<jetstream_context> with, std::shared_ptr<retained_stream> stream,
                 broker::read_request what, broker::read_handler done, std::function<void()> over);

  void start();
  /// Ends it when the log is silent for too long. False: it has ended.
  bool check(std::chrono::steady_clock::time_point now);
  /// Ends it now.
  void give_up(broker::refusal why);

  [[nodiscard]] const std::shared_ptr<retained_stream>& stream() const noexcept { return stream_; }

private:
  /// From the beginning, or not any more.
  void again(std::string_view why);
  void head_came(nats_link::fate f, const nats_message& m, broker::stream_position known);
  void read_range();
  bool event_came(const log_place& at, const nats_message& m);
  void range_ended(broker::refusal why, bool whole);
  void prove();
  void prove_by_stream();
  void finish();

  const std::shared_ptr<jetstream_context> with_;
  const std::shared_ptr<retained_stream> stream_;
  const broker::read_request what_;
  broker::read_handler done_;
  const std::function<void()> over_;

  std::mutex mutex_;
  bool ended_ = false;
  std::shared_ptr<consumer_run> run_;

  // Only in the chain of answers, of which there is one at a time.
  std::deque<broker::stored_event_ptr> events_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
  /// The first event of the range that is there.
  std::uint64_t first_ = 0;
  /// How many events of the room there were behind `after`, when they were counted.
  std::uint64_t retained_ = 0;
  /// A sequence that the stream had reached by then.
  std::uint64_t counted_at_ = 0;
  bool passed_over_ = false;
  bool head_is_there_ = false;
  int tries_ = 0;
  broker::read_result result_;
};

} // namespace hubbub::cluster
