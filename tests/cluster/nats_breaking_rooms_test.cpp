#include "broker/supervision.hpp"
#include "broker/supervisor.hpp"
#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <memory>
#include <vector>

/// What rooms and readers throw in a thread of NATS.
namespace hubbub::test {
namespace {

using broker::errc;

/// A room that throws at some events. Any thread.
class breaking_room final : public broker::event_bus_handler {
public:
  /// So often at each event whose data begins with `"bad`.
  explicit breaking_room(int times) : left_{times} {}
  void on_ready(broker::stream_position) override { ready = true; }
  void on_unavailable(broker::refusal) override {}
  bool on_event(broker::stored_event_ptr e) override {
    if (e->data.starts_with("\"bad") && left_-- > 0)
      throw std::runtime_error{"asked to break"};
    std::lock_guard hold{mutex_};
    events_.push_back(e->data);
    return true;
  }
  void on_stored(broker::publish_token, broker::stored) override { ++stored; }
  void on_refused(broker::publish_token, broker::publish_refused) override {}
  void on_epoch(broker::stream_position) override {}
  void on_lost(std::uint64_t) override {}
  texts events() {
    std::lock_guard hold{mutex_};
    return events_;
  }
  void mend() { left_ = 0; }
  std::atomic<bool> ready = false;
  std::atomic<int> stored = 0;

private:
  std::atomic<int> left_;
  std::mutex mutex_;
  texts events_;
};

/// A node whose supervisors can be looked at.
struct supervised_node : nats_node {
  explicit supervised_node(const nats_server& server) : supervised_node{server.url(), often()} {}
  supervised_node(std::string url, cluster::nats_intervals every) : nats_node{} {
    tree.on_end([this] { ended = true; });
    options.servers = {std::move(url)};
    options.every = every;
    options.timeout = 10s;
    options.answers = &tree.bus;
    open();
  }
  ~supervised_node() { bus.reset(); }
  void publish(broker::interest& to, const std::string& name, const std::string& data) {
    broker::event e;
    e.room = room(name);
    e.data = data;
    to.publish(++tokens, std::move(e));
  }
  broker::metrics metrics{1};
  broker::supervision tree{time, log, metrics};
  std::atomic<bool> ended = false;
  broker::publish_token tokens = 0;
};

TEST_CASE("what a room throws in a thread of NATS is counted, and the event comes again", "[nats]") {
  nats_server server;
  supervised_node node{server};
  auto bad = std::make_shared<breaking_room>(1);
  const auto to_bad = node.bus->want(room("chat.bad"), bad);
  room_double good{*node.bus, "chat.good"};
  REQUIRE(eventually([&] { return bad->ready.load(); }));
  for (const auto* data : {"1", "\"bad\"", "2"})
    node.publish(*to_bad, "chat.bad", data);
  good.keep("1");
  REQUIRE(eventually([&] { return node.tree.bus.look().crashes == 1; }));
  CHECK(node.tree.bus.look().last_child == "nats delivery");
  CHECK(node.tree.bus.look().last_reason == "asked to break");
  CHECK(node.log.says("a part of the bus broke"));
  // The one behind it shows the hole, or the look that follows finds it.
  CHECK(eventually([&] { return bad->stored == 3; }));
  good.keep("2");
  CHECK(eventually([&] { return !bad->events().empty() && bad->events().back() == "2"; }));
  node.publish(*to_bad, "chat.bad", "\"bad again\"");
  CHECK(eventually([&] { return bad->events().back() == "\"bad again\""; }));
  CHECK_FALSE(node.ended);
}

TEST_CASE("an event that keeps throwing makes the link begin anew, after a while", "[nats]") {
  nats_server server;
  supervised_node node{server};
  auto bad = std::make_shared<breaking_room>(1'000);
  const auto to_bad = node.bus->want(room("chat.bad"), bad);
  REQUIRE(eventually([&] { return bad->ready.load(); }));
  node.publish(*to_bad, "chat.bad", "\"bad\"");
  // It is looked for again at once a few times, and then after a second, by a new connection.
  CHECK(node.log.says("connected again"));
  CHECK(node.tree.bus.look().crashes >= 4);
  bad->mend();
  CHECK(eventually([&] { return bad->events() == texts{"\"bad\""}; }));
  const auto crashes = node.tree.bus.look().crashes;
  room_double good{*node.bus, "chat.good"};
  good.keep("1");
  CHECK(node.tree.bus.look().crashes == crashes);
  CHECK_FALSE(node.ended);
}

TEST_CASE("who throws at what a look found keeps nobody else from it", "[nats]") {
  nats_server server;
  lossy_proxy proxy{server.port()};
  auto every = often();
  every.canary = 1h; // nobody else looks
  supervised_node node{proxy.url(), every};
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  proxy.hold("_INBOX.", "stream_info_response");
  node.bus->read(after("chat.1", 0),
                 [](const broker::read_result&) { throw std::runtime_error{"asked to"}; });
  REQUIRE(eventually([&] { return proxy.holds(); }));
  std::atomic<int> told = 0;
  for (auto i = 0; i < 3; ++i)
    node.bus->read(after("chat.1", 0),
                   [&told](const broker::read_result& r) { told += r.why.code == errc::ok ? 1 : 0; });
  std::this_thread::sleep_for(200ms); // until they wait for the next look
  proxy.let_go();
  CHECK(eventually([&] { return told == 3; }));
  CHECK(node.tree.bus.look().crashes == 1);
  CHECK(read(*node.bus, after("chat.1", 0)).why.code == errc::ok);
}

TEST_CASE("a read whose reader throws keeps nobody behind it from an answer", "[nats]") {
  nats_server server;
  lossy_proxy proxy{server.port()};
  auto every = often();
  every.burst = every.round = 1h;
  supervised_node node{proxy.url(), every};
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  settle_mark(*node.bus);
  proxy.lose("_INBOX.", "stream_msg_get_response");
  for (auto i = 0; i < 8; ++i) // as many as are read at a time
    node.bus->read(after("chat.1", 0), [](const broker::read_result&) {});
  node.bus->read(after("chat.1", 0),
                 [](const broker::read_result&) { throw std::runtime_error{"asked to"}; });
  std::atomic<int> told = 0;
  for (auto i = 0; i < 3; ++i)
    node.bus->read(after("chat.1", 0), [&told](const broker::read_result&) { ++told; });
  REQUIRE(eventually([&] { return proxy.lost() == 8; }));
  proxy.cut();
  CHECK(eventually([&] { return told == 3; }));
  proxy.lose_nothing();
  proxy.heal();
  CHECK(eventually([&] { return read(*node.bus, after("chat.1", 0)).why.code == errc::ok; }));
  CHECK(node.tree.bus.look().crashes == 1);
}

/// A room that throws when it opens.
class unready_room final : public broker::event_bus_handler {
public:
  void on_ready(broker::stream_position) override { throw std::runtime_error{"asked to break"}; }
  void on_unavailable(broker::refusal) override { unavailable = true; }
  bool on_event(broker::stored_event_ptr) override { return true; }
  void on_stored(broker::publish_token, broker::stored) override {}
  void on_refused(broker::publish_token, broker::publish_refused) override {}
  void on_epoch(broker::stream_position) override {}
  void on_lost(std::uint64_t) override {}
  std::atomic<bool> unavailable = false;
};

TEST_CASE("rooms that break as they open take nobody's turn to be compared", "[nats]") {
  constexpr auto many = 300; // more than are asked about at a time
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
  broker::supervisor patient{{"bus", "part", "a part broke", "it waits"},
                             {100'000, 100'000},
                             node.time,
                             node.log,
                             nullptr,
                             [](std::string_view) {}};
  node.options.servers = {proxy.url()};
  node.options.answers = &patient;
  node.options.timeout = 1s;
  node.options.every.burst = node.options.every.canary = 1h;
  node.options.every.round = 100ms;
  node.open();
  room_double good{*node.bus, "chat.good"};
  good.seen().ready();
  proxy.lose("_INBOX.", "stream_msg_get_response");
  std::vector<std::shared_ptr<unready_room>> rooms;
  std::vector<std::unique_ptr<broker::interest>> interests;
  for (auto i = 0; i < many; ++i) {
    rooms.push_back(std::make_shared<unready_room>());
    interests.push_back(node.bus->want(room("chat." + std::to_string(i)), rooms.back()));
  }
  REQUIRE(eventually(
      [&] { return std::ranges::all_of(rooms, [](const auto& r) { return r->unavailable.load(); }); }));
  proxy.lose_nothing();
  REQUIRE(eventually([&] { return patient.look().crashes >= many; }));
  interests.clear();
  const auto before = proxy.lost();
  proxy.lose("hubbub.out.", "lost");
  nats_wire wire{server.port()};
  wire.publish_now("hubbub.rooms.chat.good", "\"lost\"");
  CHECK(eventually([&] { return good.seen().events().size() == 1; }));
  CHECK(proxy.lost() == before + 1);
  node.bus.reset(); // before its supervisor
}

} // namespace
} // namespace hubbub::test
