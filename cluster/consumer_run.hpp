#pragma once

#include "broker/errc.hpp"
#include "cluster/jetstream_context.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace hubbub::cluster {

/// A short-lived consumer: a stream's messages from a sequence on, a few at a time. Any thread; its handlers
/// are called on the link's threads, one at a time.
class consumer_run : public std::enable_shared_from_this<consumer_run> {
public:
  struct range {
    std::string stream;
    /// Empty: all of the stream.
    std::string subject;
    std::uint64_t from = 1;
    /// Nothing behind it is of interest.
    std::uint64_t to = 0;
    bool headers_only = false;
    std::uint32_t batch = 128;
  };
  struct handlers {
    /// So many messages there were from `from` on.
    std::function<void(std::uint64_t)> begun;
    /// False: enough.
    std::function<bool(const log_place&, const nats_message&)> message;
    /// Once, last. `whole`: everything up to `to` that was there came, or `message` had enough.
    std::function<void(broker::refusal, bool whole)> ended;
  };

  consumer_run(std::shared_ptr<jetstream_context> with, range what, handlers to);

  void start();
  /// Ends it when nothing came for too long. False: it has ended.
  bool check(std::chrono::steady_clock::time_point now);
  void stop(broker::refusal why) { end(std::move(why), false); }

private:
  void made(nats_link::fate f, const nats_message& m);
  void came(const nats_message& m);
  void pull();
  void end(broker::refusal why, bool whole);

  const std::shared_ptr<jetstream_context> with_;
  const range what_;
  handlers to_;
  std::uint64_t inbox_ = 0;

  std::recursive_mutex mutex_;
  bool over_ = false;
  std::uint64_t last_ = 0;
  std::uint32_t asked_ = 0;
  std::chrono::steady_clock::time_point progress_ = std::chrono::steady_clock::now();
};

} // namespace hubbub::cluster
