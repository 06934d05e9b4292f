#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <future>
#include <list>
#include <optional>
#include <thread>

/// One stream answers nothing, or what it answered is of its former life.
namespace hubbub::test {
namespace {

using broker::errc;

/// Namespaces `chat`, which can be silenced, and `well`.
struct half_silent_node {
  half_silent_node(broker::milliseconds timeout, cluster::nats_intervals every) {
    node.options.servers = {proxy.url()};
    node.options.every = every;
    node.options.timeout = timeout;
    node.spaces = broker::namespaces{{}, {{"chat", {}}, {"well", {}}}};
    node.open();
  }
  /// As when the stream has no leader: what is asked of it is not answered.
  void silence_chat() { proxy.lose("_INBOX.", "hubbub.rooms.chat."); }

  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
  nats_wire wire{server.port()};
};

cluster::nats_intervals quiet() {
  cluster::nats_intervals every;
  every.burst = every.round = every.canary = 1h;
  return every;
}

TEST_CASE("one stream that does not answer holds up no read of another", "[nats]") {
  half_silent_node t{30s, quiet()};
  t.wire.publish_now("hubbub.rooms.chat.1", "1");
  t.wire.publish_now("hubbub.rooms.well.1", "2");
  t.silence_chat();
  for (auto i = 0; i < 64; ++i)
    t.node.bus->read(after("chat.1", 0), [](const broker::read_result&) {});
  std::promise<broker::read_result> promise;
  auto answer = promise.get_future();
  t.node.bus->read(after("well.1", 0), [&](broker::read_result r) { promise.set_value(std::move(r)); });
  if (answer.wait_for(10s) != std::future_status::ready)
    t.node.bus.reset(); // or the answer would find nobody
  REQUIRE(data_of(answer.get().events) == texts{"2"});
}

TEST_CASE("a read of a stream that does not answer is refused at once, with the reason", "[nats]") {
  auto every = quiet();
  every.canary = 50ms;
  half_silent_node t{300ms, every};
  t.wire.publish_now("hubbub.rooms.chat.1", "1");
  t.silence_chat();
  const std::string silent = "stream HUBBUB_chat has no leader that answers";
  REQUIRE(eventually([&] { return t.node.bus->health().message == silent; }));
  broker::read_result told;
  t.node.bus->read(after("chat.1", 0), [&told](broker::read_result r) { told = std::move(r); });
  CHECK(told.why.code == errc::unavailable); // before `read` returned
  CHECK(told.why.message == silent);
  t.proxy.lose_nothing();
  REQUIRE(eventually([&] { return read(*t.node.bus, after("chat.1", 0)).why.code == errc::ok; }));
}

TEST_CASE("rooms that a silent stream keeps from opening take no other's turn", "[nats]") {
  auto every = quiet();
  every.canary = 50ms;
  every.round = 200ms;
  half_silent_node t{1s, every};
  room_double well{*t.node.bus, "well.1"};
  well.seen().ready();
  std::string all;
  constexpr auto many = 1'000;
  for (auto i = 0; i < many; ++i)
    all += nats_wire::text_of("hubbub.rooms.chat." + std::to_string(i), "1");
  t.wire.send(all);
  REQUIRE(eventually([&] { return stream_info(t.wire).find("\"messages\":1000,") != std::string::npos; }));
  t.silence_chat();
  std::list<room_double> rooms;
  for (auto i = 0; i < many; ++i)
    rooms.emplace_back(*t.node.bus, "chat." + std::to_string(i));
  for (auto& r : rooms)
    r.seen().until_unavailable();
  std::this_thread::sleep_for(1s); // until all that are asked about again were
  t.proxy.lose_also("hubbub.out.", "lost");
  t.wire.publish_now("hubbub.rooms.well.1", "\"lost\"");
  // Nothing but its turn in the round can find it.
  CHECK(within(10s, [&] { return well.seen().events().size() == 1; }));
  // And they open when they can.
  t.proxy.lose_nothing();
  for (auto& r : rooms)
    CHECK(r.seen().ready().offset > 0);
}

/// A room of a stream whose answers are held up, and a new life of the stream meanwhile.
struct two_lives {
  explicit two_lives(broker::milliseconds round) {
    node.options.servers = {proxy.url()};
    node.options.every = often();
    node.options.every.burst = 1h;
    node.options.every.round = round;
    node.options.timeout = 10s;
    node.open();
    chat.emplace(*node.bus, "chat.1");
    chat->keep("1");
    chat->keep("2");
    settle_mark(*node.bus);
    proxy.hold("_INBOX.", "stream_msg_get_response");
  }
  void begin_anew() {
    REQUIRE(eventually([&] { return proxy.holds(); }));
    wire.request("$JS.API.STREAM.DELETE.HUBBUB_chat");
    REQUIRE(eventually([&] { return !chat->seen().epochs().empty(); }));
    CHECK(chat->seen().epochs().front().offset == 0);
    proxy.let_go();
  }

  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
  nats_wire wire{server.port()};
  std::optional<room_double> chat;
};

TEST_CASE("where a stream stood in its former life is nothing to a room in the next one", "[nats]") {
  two_lives t{100ms};
  t.begin_anew();
  CHECK_FALSE(
      within(1s, [&] { return t.chat->seen().epochs().size() > 1 || t.chat->seen().events().size() > 2; }));
  const auto p = t.chat->publish(t.chat->event("3"));
  REQUIRE(p.stored);
  CHECK(p.what.position == broker::stream_position{t.chat->seen().epochs().front().epoch, 1});
  t.chat->seen().until_events(3);
  CHECK(data_of(t.chat->seen().events()) == texts{"1", "2", "3"});
}

TEST_CASE("what a read was told of a stream's former life is not said of the next one", "[nats]") {
  two_lives t{1h};
  auto reading = std::async(std::launch::async, [&] { return read(*t.node.bus, after("chat.2", 0)); });
  t.begin_anew();
  const auto r = reading.get();
  CHECK(r.why.code == errc::ok);
  CHECK(r.head == t.chat->seen().epochs().front());
  CHECK(r.events.empty());
}

} // namespace
} // namespace hubbub::test
