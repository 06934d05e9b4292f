#pragma once

#include "broker/event_bus.hpp"
#include "broker/policy.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/jetstream_room.hpp"
#include "cluster/position_watch.hpp"
#include "cluster/retained_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hubbub::cluster {

class consumer_run;
class jetstream_read;

/// The retained rooms of a cluster: a stream for each namespace. Any thread.
class jetstream_log : public std::enable_shared_from_this<jetstream_log> {
public:
  /// Reads that may wait for others.
  static constexpr std::size_t most_waiting = 16'384;

  /// `link` must be open.
  jetstream_log(std::shared_ptr<jetstream_context> with, const broker::namespaces& spaces);

  /// Once, before the link's threads begin.
  void prepare();
  /// Makes and configures the streams; waits for the network. `ok`, or why not.
  [[nodiscard]] broker::refusal start();

  [[nodiscard]] std::unique_ptr<broker::interest> want(const broker::room_name& room,
                                                       std::shared_ptr<broker::event_bus_handler> handler);
  /// Refused with `overloaded`, before this returns, when too many wait.
  void read(broker::read_request what, broker::read_handler done);

  /// `ok`: every stream has a leader that answers, and is as it should be.
  [[nodiscard]] broker::refusal state() const;
  [[nodiscard]] broker::guarantee promises() const;

  /// The connection is lost: what comes from now on may be missing.
  void trouble_begins();
  /// It is back, or messages were dropped: finds out what is missing.
  void trouble();
  /// A room may not have had what came for it: each is compared with the log, soon.
  void compare_everything();
  /// Called about every 20 ms.
  void tick();
  /// Answers the reads that wait, and does not do them first.
  void close();

private:
  class room_interest;
  void forget(const std::shared_ptr<jetstream_room>& room);
  [[nodiscard]] std::shared_ptr<retained_stream> stream_of(std::string_view space) const;
  [[nodiscard]] std::vector<std::shared_ptr<jetstream_room>> rooms_of(const retained_stream& stream);
  [[nodiscard]] std::shared_ptr<jetstream_room> find(const std::string& room);
  void begin_reads();
  void check_runs();
  void look_at_guarantees();
  /// What came behind that place may be missing, in that life of the stream.
  void miss(const std::shared_ptr<retained_stream>& stream, broker::stream_position settled);
  void catch_up(const std::shared_ptr<retained_stream>& stream);
  /// Where the stream stood at a look, and when that was answered, of `steady_clock`.
  struct place {
    broker::stream_position settled;
    std::int64_t at = 0;
  };
  void read_missed(const std::shared_ptr<retained_stream>& stream, const place& begin,
                   const js::stream_info& now);
  void compare_all(const retained_stream& stream);
  void caught_up(const std::shared_ptr<retained_stream>& stream, bool all);

  const std::shared_ptr<jetstream_context> with_;
  const std::shared_ptr<position_watch> watch_;
  std::map<std::string, std::shared_ptr<retained_stream>, std::less<>> streams_;

  mutable std::mutex mutex_;
  /// By their own names.
  std::unordered_map<std::string_view, std::shared_ptr<jetstream_room>> rooms_;
  struct waiting_read {
    std::shared_ptr<retained_stream> stream;
    broker::read_request what;
    broker::read_handler done;
  };
  /// The oldest one whose stream may have another, with `mutex_` held.
  [[nodiscard]] std::deque<waiting_read>::iterator next_read();
  std::deque<waiting_read> waiting_;
  std::vector<std::shared_ptr<jetstream_read>> reading_;
  /// Where rooms were sure of having had everything before the trouble.
  struct missed {
    place from;
    bool reading = false;
    /// Where that was before trouble that came while it was read, which may not have read what that one cost.
    std::optional<place> then;
  };
  std::map<std::shared_ptr<retained_stream>, missed> missed_;
  std::vector<std::shared_ptr<consumer_run>> catching_up_;
  bool beginning_ = false;
  bool closed_ = false;
  std::int64_t last_look_ = 0;
  std::int64_t last_check_ = 0;
  std::int64_t last_guarantee_ = 0;
  std::map<std::string, std::string> guarantees_;
};

} // namespace hubbub::cluster
