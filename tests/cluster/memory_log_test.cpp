#include "broker/clock.hpp"
#include "cluster/memory_log.hpp"
#include "cluster/memory_store.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <malloc.h>

#include <chrono>
#include <iostream>
#include <set>

namespace hubbub::test {
namespace {

using namespace std::chrono_literals;

/// The log as a bus whose rooms are all retained, for `room_double`.
class memory_bus final : public broker::event_bus {
public:
  explicit memory_bus(cluster::memory_log& log) : log_{log} {}
  std::unique_ptr<broker::interest> want(const broker::room_name& room,
                                         std::shared_ptr<broker::event_bus_handler> handler) override {
    return log_.want(room, std::move(handler));
  }
  void read(broker::read_request what, broker::read_handler done) override {
    log_.read(std::move(what), std::move(done));
  }
  broker::guarantee promises() const override { return log_.promises(); }
  broker::refusal health() const override { return log_.health(); }

private:
  cluster::memory_log& log_;
};

TEST_CASE("rooms are spread over all parts of a log in memory", "[cluster]") {
  broker::manual_clock time;
  cluster::memory_store store{broker::namespaces{broker::policy{}}, time,
                              std::make_shared<cluster::dedup_bound>()};
  std::set<const void*> parts;
  for (auto i = 0; i < 1000; ++i)
    parts.insert(&store.shard_of(*broker::room_name::parse("chat." + std::to_string(i))));
  CHECK(parts.size() == cluster::memory_store::shard_count);
}

TEST_CASE("old events are freed although nobody touches their rooms", "[cluster]") {
  broker::manual_clock time;
  broker::policy rules;
  rules.history_age = 1min;
  cluster::memory_log log{broker::namespaces{rules}, time};
  memory_bus bus{log};
  std::vector<std::weak_ptr<const broker::stored_event>> kept;
  const auto fill = [&](const std::string& prefix) {
    for (auto i = 0; i < 300; ++i) {
      room_double r{bus, prefix + std::to_string(i)};
      r.keep("1");
      kept.push_back(r.seen().events().front());
    }
  };
  const auto alive = [&] {
    return std::count_if(kept.begin(), kept.end(), [](auto& e) { return !e.expired(); });
  };
  fill("chat.a");
  time.advance(30s);
  fill("chat.b");
  log.sweep();
  CHECK(alive() == 600);
  time.advance(30s);
  log.sweep();
  CHECK(alive() == 300);
  fill("chat.a");
  time.advance(30s);
  log.sweep();
  CHECK(alive() == 300);
  time.advance(30s);
  log.sweep();
  CHECK(alive() == 0);
  CHECK_FALSE(read(bus, after("chat.a1", 0)).complete);
}

TEST_CASE("a publish from within a handler's call is answered", "[cluster]") {
  // A room that reacts to its own event at once: allowed, and not a deadlock.
  broker::manual_clock time;
  cluster::memory_log log{broker::namespaces{}, time};
  struct echoing final : broker::event_bus_handler {
    void on_ready(broker::stream_position) override {}
    void on_unavailable(broker::refusal) override {}
    bool on_event(broker::stored_event_ptr e) override {
      seen.push_back(e->data);
      if (seen.size() == 1) {
        broker::event again;
        again.room = e->room;
        again.data = "2";
        self->publish(2, again);
      }
      return false;
    }
    void on_stored(broker::publish_token, broker::stored) override {}
    void on_refused(broker::publish_token, broker::publish_refused) override {}
    void on_epoch(broker::stream_position) override {}
    void on_lost(std::uint64_t) override {}
    texts seen;
    broker::interest* self = nullptr;
  };
  auto handler = std::make_shared<echoing>();
  auto interest = log.want(room("chat.1"), handler);
  handler->self = interest.get();
  broker::event e;
  e.room = room("chat.1");
  e.data = "1";
  interest->publish(1, e);
  CHECK(handler->seen == texts{"1", "2"});
}

/// Takes what comes and keeps nothing.
class deaf_handler final : public broker::event_bus_handler {
  void on_ready(broker::stream_position) override {}
  void on_unavailable(broker::refusal) override {}
  bool on_event(broker::stored_event_ptr) override { return true; }
  void on_stored(broker::publish_token, broker::stored) override {}
  void on_refused(broker::publish_token, broker::publish_refused) override {}
  void on_epoch(broker::stream_position) override {}
  void on_lost(std::uint64_t) override {}
};

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a room with one small event costs well under a kilobyte", "[cluster]") {
  constexpr auto rooms = 20'000;
  broker::system_clock time;
  cluster::memory_log log{broker::namespaces{}, time};
  const auto deaf = std::make_shared<deaf_handler>();
  std::vector<std::unique_ptr<broker::interest>> interests;
  interests.reserve(rooms);
  const auto used = [] { return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd); };
  const auto before = used();
  for (auto i = 0; i < rooms; ++i) {
    broker::event e;
    e.room = room("conversations.room-" + std::to_string(i));
    e.data.assign(128, 'x');
    interests.push_back(log.want(e.room, deaf));
    interests.back()->publish(1, std::move(e));
  }
  const auto with_interest = (used() - before) / rooms;
  interests.clear();
  const auto without = (used() - before) / rooms;
  std::cout << "bytes a room: " << with_interest << " with its interest, " << without << " without\n";
  CHECK(with_interest < 840);
}
#endif

} // namespace
} // namespace hubbub::test
