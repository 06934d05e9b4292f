#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process_use.hpp"

#include <nats/nats.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <fstream>

/// `test_cluster "[.nats_bench]"` prints what the NATS bus carries. No test: nothing is checked.
namespace hubbub::test {
namespace {

using hubbub::tests::cpu_seconds;
using hubbub::tests::resident_bytes;
using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point begun) {
  return std::chrono::duration<double>(steady::now() - begun).count();
}

class counting_handler final : public broker::event_bus_handler {
public:
  explicit counting_handler(std::atomic<std::size_t>& events) : events_{events} {}
  void on_ready(broker::stream_position) override { ready = true; }
  void on_unavailable(broker::refusal) override {}
  bool on_event(broker::stored_event_ptr e) override {
    ++events_;
    if (took != nullptr)
      took->push_back(steady::now().time_since_epoch().count() - std::stoll(e->data));
    return true;
  }
  void on_stored(broker::publish_token, broker::stored) override {}
  void on_refused(broker::publish_token, broker::publish_refused) override { ++refused; }
  void on_epoch(broker::stream_position) override {}
  void on_lost(std::uint64_t) override {}

  std::atomic<bool> ready{false};
  std::atomic<int> refused{0};
  std::vector<std::int64_t>* took = nullptr;

private:
  std::atomic<std::size_t>& events_;
};

struct wanted {
  wanted(broker::event_bus& bus, const std::string& name, std::atomic<std::size_t>& events)
      : handler{std::make_shared<counting_handler>(events)}, interest{bus.want(room(name), handler)} {}
  std::shared_ptr<counting_handler> handler;
  std::unique_ptr<broker::interest> interest;
};

/// The same messages, as a client of the library gets them that does nothing with them.
class plain_subscriber {
public:
  plain_subscriber(const std::string& url, const char* subject, std::atomic<std::size_t>& events) {
    natsConnection_ConnectTo(&connection_, url.c_str());
    natsConnection_Subscribe(
        &subscription_, connection_, subject,
        [](natsConnection*, natsSubscription*, natsMsg* m, void* c) {
          ++*static_cast<std::atomic<std::size_t>*>(c);
          natsMsg_Destroy(m);
        },
        &events);
    natsConnection_Flush(connection_);
  }
  ~plain_subscriber() {
    natsSubscription_Destroy(subscription_);
    natsConnection_Destroy(connection_);
  }

private:
  natsConnection* connection_ = nullptr;
  natsSubscription* subscription_ = nullptr;
};

constexpr auto bench_rooms = 100;
const std::string payload = "{\"text\":\"" + std::string(100, 'x') + "\"}";

std::string room_of(int i) { return "chat." + std::to_string(i % bench_rooms); }

/// As fast as they are taken, but never so far ahead that messages would be dropped.
void flood(nats_wire& wire, std::size_t n, std::atomic<std::size_t>& events, bool through_the_log) {
  const auto before = events.load();
  static std::size_t sequence = 1'000'000;
  std::string text;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 200 == 0) {
      wire.send(std::exchange(text, {}));
      while (i > events - before + 8'000)
        std::this_thread::sleep_for(50us);
    }
    const auto to = room_of(static_cast<int>(i));
    if (through_the_log)
      text += nats_wire::text_of("hubbub.rooms." + to, payload);
    else
      text +=
          nats_wire::text_of("hubbub.out." + to, payload,
                             "Hubbub-Id: 0123456789-1\r\nHubbub-Time: 1700000000000\r\nHubbub-From: ann\r\n"
                             "Nats-Msg-Id: 0123456789abcdef0123456789abcdef\r\nNats-Stream: HUBBUB_chat\r\n"
                             "Nats-Subject: hubbub.rooms." +
                                 to + "\r\nNats-Sequence: " + std::to_string(++sequence) +
                                 "\r\nNats-Last-Sequence: " + std::to_string(sequence - 100) + "\r\n");
  }
  wire.send(text);
  eventually([&] { return events - before >= n; });
}

void print_rate(const char* what, std::size_t n, steady::time_point begun, double cpu) {
  std::printf("%-40s %8.0f events/s, %5.2f us of CPU each\n", what,
              static_cast<double>(n) / seconds_since(begun),
              (cpu_seconds() - cpu) / static_cast<double>(n) * 1e6);
}

TEST_CASE("what one node takes in", "[.nats_bench]") {
  nats_server server;
  nats_wire wire{server.port()};
  for (const auto logged : {false, true})
    for (auto round = 0; round < 2; ++round) {
      const std::size_t n = logged ? 60'000 : 200'000;
      nats_node node{server.url()};
      {
        std::atomic<std::size_t> events{0};
        plain_subscriber plain{server.url(), "hubbub.out.>", events};
        const auto cpu = cpu_seconds();
        const auto begun = steady::now();
        flood(wire, n, events, logged);
        print_rate(logged ? "plain subscriber, through the log" : "plain subscriber", n, begun, cpu);
      }
      std::atomic<std::size_t> events{0};
      std::vector<std::unique_ptr<wanted>> all;
      for (auto i = 0; i < bench_rooms; ++i)
        all.push_back(std::make_unique<wanted>(*node.bus, room_of(i), events));
      for (auto& w : all)
        eventually([&] { return w->handler->ready.load(); });
      const auto cpu = cpu_seconds();
      const auto begun = steady::now();
      flood(wire, n, events, logged);
      print_rate(logged ? "bus, through the log" : "bus", n, begun, cpu);
    }
}

void print_latency(const char* what, std::vector<std::int64_t> took) {
  std::sort(took.begin(), took.end());
  const auto at = [&](double part) {
    return static_cast<double>(took[static_cast<std::size_t>(part * static_cast<double>(took.size() - 1))]) /
           1e6;
  };
  std::printf("%-40s p50 %.2f ms, p99 %.2f ms, most %.2f ms\n", what, at(0.5), at(0.99), at(1));
}

TEST_CASE("how long an event takes at 1,000 a second", "[.nats_bench]") {
  nats_server server;
  nats_wire wire{server.port()};
  broker::policy rules;
  rules.history_size = 10'000;
  nats_node one{server.url(), rules}, two{server.url(), rules};
  for (auto i = 0; i < 200'000; ++i) {
    wire.publish("hubbub.rooms." + room_of(i), payload);
    if (i % 1000 == 0)
      wire.publish_now("hubbub.rooms." + room_of(i), payload);
  }
  std::this_thread::sleep_for(1s);
  std::atomic<std::size_t> events{0};
  wanted here{*one.bus, "chat.here", events}, there{*two.bus, "chat.here", events};
  std::vector<std::int64_t> took;
  eventually([&] { return here.handler->ready && there.handler->ready; });
  there.handler->took = &took;
  const auto paced = [&](auto send) {
    const auto begun = steady::now();
    events = 0;
    took.clear();
    for (auto i = 0; i < 3000; ++i) {
      std::this_thread::sleep_until(begun + i * 1ms);
      send(std::to_string(steady::now().time_since_epoch().count()));
    }
    eventually([&] { return events == 6000; });
  };
  paced([&](const std::string& now) { wire.publish("hubbub.rooms.chat.here", now); });
  print_latency("published to NATS", took);
  paced([&](const std::string& now) {
    broker::event e;
    e.room = room("chat.here");
    e.data = now;
    here.interest->publish(1, std::move(e));
  });
  print_latency("published through another node", took);
}

TEST_CASE("what an idle interest takes", "[.nats_bench]") {
  constexpr auto many = 10'000;
  nats_server server;
  nats_node node{server.url()};
  std::atomic<std::size_t> events{0};
  wanted first{*node.bus, "chat.first", events};
  eventually([&] { return first.handler->ready.load(); });
  const auto before = resident_bytes();
  std::vector<std::unique_ptr<wanted>> all;
  const auto begun = steady::now();
  for (auto i = 0; i < many; ++i)
    all.push_back(std::make_unique<wanted>(*node.bus, "chat.room-" + std::to_string(i), events));
  for (auto& w : all)
    eventually([&] { return w->handler->ready.load(); });
  std::printf("%d interests: ready in %.2f s, %.0f bytes each\n", many, seconds_since(begun),
              static_cast<double>(resident_bytes() - before) / many);
  std::vector<double> opening;
  for (auto i = 0; i < 300; ++i) {
    const auto at = steady::now();
    wanted one{*node.bus, "chat.new-" + std::to_string(i), events};
    while (!one.handler->ready)
      std::this_thread::sleep_for(20us);
    opening.push_back(seconds_since(at) * 1000);
  }
  std::sort(opening.begin(), opening.end());
  std::printf("a room more: p50 %.2f ms, p99 %.2f ms\n", opening[150], opening[297]);
}

} // namespace
} // namespace hubbub::test
