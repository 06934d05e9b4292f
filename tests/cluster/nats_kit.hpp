#pragma once

#include "broker/clock.hpp"
#include "broker/log.hpp"
#include "cluster/nats_bus.hpp"
#include "tests/cluster/nats_server.hpp"
#include "tests/cluster/room_double.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::test {

using namespace std::chrono_literals;

/// Keeps what was said to people.
class recording_log final : public broker::log_sink {
public:
  bool wants(broker::log_level level) const noexcept override { return level != broker::log_level::debug; }
  void write(const broker::log_entry& e) noexcept override {
    std::lock_guard lock{mutex_};
    said_.append(e.message).append("\n");
  }
  /// Waits until something with `part` in it was said.
  [[nodiscard]] bool says(const std::string& part) {
    return eventually([&] { return has_said(part); });
  }
  [[nodiscard]] bool has_said(const std::string& part) {
    std::lock_guard lock{mutex_};
    return said_.find(part) != said_.npos;
  }

private:
  std::mutex mutex_;
  std::string said_;
};

/// Waits for `is` at most so long.
template <class Is>
bool within(std::chrono::milliseconds time, Is is) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!is()) {
    if (std::chrono::steady_clock::now() >= end)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// As often as tests can wait for.
inline cluster::nats_intervals often() {
  cluster::nats_intervals every;
  every.canary = 100ms;
  return every;
}

/// A node's bus on a server, with namespace `chat` and its own times.
struct nats_node {
  /// Not open yet.
  nats_node() : spaces{{}, {{"chat", {}}}} {}
  explicit nats_node(std::string url, broker::policy rules = {}, cluster::nats_intervals every = {}) {
    options.servers = {std::move(url)};
    options.every = every;
    options.timeout = 1s;
    broker::policy live;
    live.kind = broker::room_kind::live;
    spaces = broker::namespaces{{}, {{"chat", rules}, {"live", live}}};
    open();
  }
  void open() {
    auto made = try_open();
    if (!made)
      throw std::runtime_error{made.error().message};
    bus = std::move(*made);
  }
  [[nodiscard]] broker::result<std::unique_ptr<cluster::nats_bus>> try_open() {
    return cluster::open_nats_bus(options, spaces, time, log);
  }

  cluster::nats_options options;
  broker::namespaces spaces;
  broker::system_clock time;
  recording_log log;
  std::unique_ptr<cluster::nats_bus> bus;
};

/// Until what was published is marked in `chat`'s stream, and nothing more is asked of it. A read of a room
/// without events looks at the stream, and what a look asks for is asked before the next one.
inline void settle_mark(broker::event_bus& bus) {
  for (auto i = 0; i < 4; ++i)
    static_cast<void>(read(bus, after("chat.none", 0)));
}

/// What can be asked of a stream without hubbub.
inline std::string stream_info(nats_wire& wire, const std::string& stream = "HUBBUB_chat") {
  return wire.request("$JS.API.STREAM.INFO." + stream);
}

} // namespace hubbub::test
