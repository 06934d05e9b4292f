#pragma once

#include "actors/actor_node.hpp"
#include "broker/clock.hpp"
#include "broker/metrics.hpp"
#include "cluster/embedded_bus.hpp"
#include "tests/actors/fake_backend.hpp"
#include "tests/actors/fake_tickets.hpp"
#include "tests/actors/fickle_bus.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace hubbub::tests {

using nlohmann::json;

/// Commands that most tests say.
inline json join(const std::string& room) { return {{"op", "join"}, {"room", room}}; }
inline json publish(const std::string& room, const std::string& data) {
  return {{"op", "publish"}, {"room", room}, {"type", "message"}, {"data", data}};
}
/// Makes the room's actor break (`fickle_bus`).
inline json crash(const std::string& room) {
  auto c = publish(room, "boom");
  c["type"] = "crash";
  return c;
}
inline json with_id(json command, const json& id) {
  command["id"] = id;
  return command;
}

/// A loop that turns when the test says so.
class fake_loop final : public broker::loop {
public:
  fake_loop(std::uint32_t index, const broker::clock& time) : index_{index}, time_{time} {}
  void wake() noexcept override {}
  [[nodiscard]] bool on_this_thread() const noexcept override { return true; }
  [[nodiscard]] std::uint32_t index() const noexcept override { return index_; }
  [[nodiscard]] broker::steady_time now() const noexcept override { return time_.now(); }
  [[nodiscard]] std::chrono::nanoseconds lag() const noexcept override { return lags; }
  void waited(std::chrono::nanoseconds length) noexcept override {
    longest_wait = std::max(longest_wait, length);
  }

  std::chrono::nanoseconds lags{0}, longest_wait{0};

private:
  std::uint32_t index_;
  const broker::clock& time_;
};

class actor_fixture;

/// One client: what it sends goes straight to its actor, what it is sent is JSON.
class client {
public:
  client(actor_fixture& world, std::uint32_t loop, broker::handshake h = {},
         broker::wire_format f = broker::wire_format::websocket);
  ~client() { gone(); }

  void send(const json& command);
  void send_text(const std::string& text);
  /// All that came since the last call.
  std::vector<json> read();
  /// The same, only the `data` of events.
  std::vector<std::string> events();
  /// The answer to a command, which must be the only thing that comes for it.
  json ask(json command);
  void gone();
  /// The socket takes `bytes` more.
  void drain(std::size_t bytes);
  /// The same, and what follows from it is not settled yet.
  void take(std::size_t bytes);

  fake_connection wire;
  broker::refusal refused{broker::errc::ok};

private:
  actor_fixture& world_;
  std::shared_ptr<broker::connection_handler> handler_;
  std::vector<json> seen_;
  int next_id_ = 100;
};

/// A node without sockets and threads: `settle` runs its actors until nothing is left to do.
class actor_fixture {
public:
  actor_fixture() : actor_fixture{static_cast<std::uint32_t>(GENERATE(1, 4))} {}
  explicit actor_fixture(std::uint32_t number_of_loops, broker::roster_bus* rosters = nullptr,
                         bool has_backend = true) {
    start(number_of_loops, rosters, has_backend);
  }
  ~actor_fixture() {
    clients_.clear();
    settle();
    node.reset();
  }

  broker::manual_clock time;
  broker::limits bounds;
  broker::null_log log;
  broker::metrics metrics{4};
  std::unique_ptr<broker::namespaces> spaces;
  std::unique_ptr<fickle_bus> bus;
  fake_backend backend;
  fake_notices notices;
  std::vector<std::unique_ptr<fake_loop>> loops;
  fake_tickets tickets{time};
  broker::revoked_list revoked{std::chrono::hours{24}, time};
  std::unique_ptr<actors::actor_node> node;

  /// A client on the next loop, in turn.
  client& connect() { return connect_to(next_loop_++ % static_cast<std::uint32_t>(loops.size())); }
  client& connect_to(std::uint32_t loop, broker::wire_format f = broker::wire_format::websocket) {
    clients_.push_back(std::make_unique<client>(*this, loop, broker::handshake{}, f));
    settle();
    clients_.back()->read();
    return *clients_.back();
  }

  void begin_log_anew() { bus->begin_anew(std::move(*cluster::open_embedded_bus({}, *spaces, time))); }

  /// One loop has its turn.
  void turn_of(std::size_t loop) {
    node->phases(loop).decide();
    node->phases(loop).send_news();
  }
  /// One of CAF's own workers has something to do, and does it.
  void work() {
    if (auto& rest = dynamic_cast<caf::scheduler::test_coordinator&>(node->system().scheduler());
        rest.has_job())
      rest.run_once();
  }

  /// The loops decide once: what CAF's own workers would do has not come to pass.
  void turn() {
    for (std::size_t i = 0; i < loops.size(); ++i)
      node->phases(i).decide();
  }

  void settle() {
    auto& rest = dynamic_cast<caf::scheduler::test_coordinator&>(node->system().scheduler());
    for (auto again = true; again;) {
      again = false;
      while (rest.has_job())
        rest.run_once();
      for (std::size_t i = 0; i < loops.size(); ++i) {
        auto& phases = node->phases(i);
        while (phases.wants_another()) {
          again = true;
          phases.decide();
          phases.send_news();
        }
      }
    }
  }

  /// A log that answers when nothing else is left to do, as one does that is asked over a network.
  void answer_in_rounds() {
    for (std::size_t before = SIZE_MAX; bus->reads != before;) {
      before = bus->reads;
      bus->answer_reads();
      bus->holds_reads = true;
      settle();
    }
    bus->answer_reads();
    settle();
  }
  /// Time goes on, in steps of 100 ms.
  void advance(broker::milliseconds by) {
    auto& rest = dynamic_cast<caf::scheduler::test_coordinator&>(node->system().scheduler());
    for (; by.count() > 0; by -= broker::milliseconds{100}) {
      time.advance(broker::milliseconds{100});
      rest.advance_time(std::chrono::milliseconds{100});
      for (std::size_t i = 0; i < loops.size(); ++i)
        node->phases(i).tick(time.now());
      settle();
    }
  }

  [[nodiscard]] static broker::room_name room(const std::string& text) {
    return *broker::room_name::parse(text);
  }

private:
  void start(std::uint32_t n, broker::roster_bus* rosters, bool has_backend) {
    broker::policy open;
    open.anyone =
        broker::right::join | broker::right::publish | broker::right::history | broker::right::presence;
    auto live = open;
    live.kind = broker::room_kind::live;
    live.when_overtaken = broker::overflow::drop_oldest;
    auto shut = open;
    shut.anyone = broker::right::none;
    auto small = open;
    small.history_size = 5;
    small.tape_bytes = 4096;
    auto plain = open;
    plain.deflate = false;
    plain.tape_bytes = 4096;
    auto off = open;
    off.publish = broker::publish_mode::off;
    auto asks = open;
    asks.publish = broker::publish_mode::via_backend;
    auto brief = open;
    brief.linger = {};
    auto prompt = open;
    prompt.linger = broker::milliseconds{0};
    auto together = live;
    together.batch = broker::milliseconds{1000};
    together.tape_bytes = 4096;
    auto calls = open;
    calls.anyone = broker::right::call;
    spaces = std::make_unique<broker::namespaces>(
        open, std::map<std::string, broker::policy, std::less<>>{{"live", live},
                                                                 {"shut", shut},
                                                                 {"small", small},
                                                                 {"plain", plain},
                                                                 {"off", off},
                                                                 {"asks", asks},
                                                                 {"brief", brief},
                                                                 {"prompt", prompt},
                                                                 {"together", together},
                                                                 {"calls", calls}});
    bounds.commands_per_second = 0;
    bus = std::make_unique<fickle_bus>(std::move(*cluster::open_embedded_bus({}, *spaces, time)));
    std::vector<broker::loop*> all;
    for (std::uint32_t i = 0; i < n; ++i) {
      loops.push_back(std::make_unique<fake_loop>(i, time));
      all.push_back(loops.back().get());
    }
    actors::actor_node::settings s;
    s.scheduler = "testing";
    s.anonymous = true;
    s.node = "test";
    s.version = "0";
    s.room_mailbox = 64;
    s.rosters = rosters;
    s.backend = has_backend ? &backend : nullptr;
    s.notices = &notices;
    s.tickets = &tickets;
    s.revoked = &revoked;
    node = std::make_unique<actors::actor_node>(std::move(s), std::move(all), *bus, *spaces, bounds, time,
                                                log, metrics);
    revoked.observe([this](const broker::revocation& whom) { node->send_away(whom); });
  }

  std::vector<std::unique_ptr<client>> clients_;
  std::uint32_t next_loop_ = 0;
  friend class client;
};

inline client::client(actor_fixture& world, std::uint32_t loop, broker::handshake h, broker::wire_format f)
    : wire{f}, world_{world} {
  wire.received = world.time.now();
  auto in = world.node->acceptor().admit(h, *world.loops[loop]);
  if (!in) {
    refused = in.error();
    return;
  }
  handler_ = std::move(in->handler);
  handler_->on_open(wire);
}

inline void client::send_text(const std::string& text) {
  wire.received = world_.time.now();
  handler_->on_message(text);
}

inline void client::send(const json& command) { send_text(command.dump()); }

inline std::vector<json> client::read() {
  for (const auto& m : wire.messages())
    seen_.push_back(json::parse(m));
  return std::exchange(seen_, {});
}

inline std::vector<std::string> client::events() {
  std::vector<std::string> found;
  for (const auto& m : read())
    if (m["op"] == "event")
      found.push_back(m["data"].is_string() ? m["data"].get<std::string>() : m["data"].dump());
  return found;
}

inline json client::ask(json command) {
  const auto id = ++next_id_;
  command["id"] = id;
  send(command);
  world_.settle();
  json found;
  auto all = read();
  for (auto& m : all)
    if (m.contains("id") && m["id"] == id) {
      CHECK(found.is_null());
      found = m;
    } else {
      seen_.push_back(m);
    }
  return found;
}

inline void client::gone() {
  if (handler_)
    handler_->on_closed();
  handler_.reset();
}

inline void client::drain(std::size_t bytes) {
  take(bytes);
  world_.settle();
}

inline void client::take(std::size_t bytes) {
  const auto was_full = wire.blocked();
  if (wire.drain(bytes)) {
    wire.sent = world_.time.now();
    if (was_full)
      handler_->on_writable();
    else
      handler_->on_control_sent();
  }
}

} // namespace hubbub::tests
