#include "cluster/embedded_bus.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/cluster/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process_use.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>

/// `test_cluster "[.bench]"` prints what the logs carry. No test: nothing is checked.
namespace hubbub::test {
namespace {

using namespace std::chrono_literals;
using hubbub::tests::cpu_seconds;
using steady = std::chrono::steady_clock;

/// Counts answers and how long they took.
class timing_handler final : public broker::event_bus_handler {
public:
  void on_ready(broker::stream_position) override { ready = true; }
  void on_unavailable(broker::refusal) override {}
  bool on_event(broker::stored_event_ptr) override { return true; }
  void on_stored(broker::publish_token token, broker::stored) override {
    slowest = std::max(slowest, steady::now().time_since_epoch().count() - static_cast<std::int64_t>(token));
    outstanding.fetch_sub(1);
  }
  void on_refused(broker::publish_token, broker::publish_refused) override { std::abort(); }
  void on_epoch(broker::stream_position) override {}
  void on_lost(std::uint64_t) override {}

  std::atomic<bool> ready{false};
  std::atomic<int> outstanding{0};
  std::int64_t slowest = 0;
};

struct load {
  int threads, rooms, window;
  bool with_id;
};

void measure(const std::string& what, cluster::embedded_options options, load l) {
  static const broker::system_clock time;
  temp_dir dir;
  if (options.data_dir == "disk")
    options.data_dir = dir.path();
  auto bus = std::move(*cluster::open_embedded_bus(options, broker::namespaces{}, time));
  std::atomic<std::int64_t> all{0};
  std::atomic<std::int64_t> slowest{0};
  const auto cpu_before = cpu_seconds();
  const auto end = steady::now() + 2s;
  std::vector<std::thread> loops;
  for (auto t = 0; t < l.threads; ++t)
    loops.emplace_back([&, t] {
      std::vector<std::shared_ptr<timing_handler>> handlers;
      std::vector<std::unique_ptr<broker::interest>> interests;
      std::vector<broker::room_name> names;
      for (auto r = 0; r < l.rooms; ++r) {
        names.push_back(room("chat." + std::to_string(t) + "-" + std::to_string(r)));
        handlers.push_back(std::make_shared<timing_handler>());
        interests.push_back(bus->want(names.back(), handlers.back()));
        while (!handlers.back()->ready)
          std::this_thread::yield();
      }
      std::int64_t n = 0;
      for (std::size_t r = 0; (n & 63) != 0 || steady::now() < end; r = (r + 1) % names.size()) {
        if (handlers[r]->outstanding >= l.window) {
          if (r + 1 == names.size())
            std::this_thread::yield();
          if (steady::now() >= end)
            break;
          continue;
        }
        broker::event e;
        e.room = names[r];
        e.data.assign(128, 'x');
        e.from = "ann";
        if (l.with_id)
          e.event_id = "id-" + std::to_string(n);
        handlers[r]->outstanding.fetch_add(1);
        interests[r]->publish(static_cast<std::uint64_t>(steady::now().time_since_epoch().count()),
                              std::move(e));
        ++n;
      }
      for (auto& h : handlers) {
        while (h->outstanding > 0)
          std::this_thread::yield();
        slowest = std::max<std::int64_t>(slowest, h->slowest);
      }
      all += n;
    });
  for (auto& loop : loops)
    loop.join();
  std::printf("%-14s %d threads x %4d rooms x %4d in flight%s: %8.0f publishes/s, %6.2f us CPU each, slowest "
              "%7.2f ms\n",
              what.c_str(), l.threads, l.rooms, l.window, l.with_id ? ", ids" : "     ",
              static_cast<double>(all) / 2.0, (cpu_seconds() - cpu_before) * 1e6 / static_cast<double>(all),
              static_cast<double>(slowest) / 1e6);
}

TEST_CASE("publishes per second", "[.bench]") {
  using sync = cluster::embedded_options::sync_mode;
  for (const auto with_id : {false, true}) {
    measure("memory", {}, {1, 1, 1, with_id});
    measure("memory", {}, {1, 1000, 1, with_id});
    measure("memory", {}, {2, 100, 1, with_id});
    for (const auto mode : {sync::full, sync::normal}) {
      const auto* name = mode == sync::full ? "sqlite, full" : "sqlite, normal";
      measure(name, {"disk", mode}, {1, 1, 1, with_id});
      measure(name, {"disk", mode}, {1, 1, 64, with_id});
      measure(name, {"disk", mode}, {1, 1, 1000, with_id});
      measure(name, {"disk", mode}, {1, 1000, 1, with_id});
      measure(name, {"disk", mode}, {1, 1000, 16, with_id});
    }
  }
}

} // namespace
} // namespace hubbub::test
