#include "broker/supervision.hpp"
#include "broker/supervisor.hpp"
#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <vector>

/// NATS goes, comes back, and is not what it was.
namespace hubbub::test {
namespace {

using broker::errc;
using broker::publish_outcome;

bool is_well(broker::event_bus& bus) { return bus.health().code == errc::ok; }

/// A canary that is late soon.
cluster::nats_intervals impatient() {
  auto every = often();
  every.canary_late = 1s;
  return every;
}

TEST_CASE("a server that was killed and has its store again has lost nothing", "[nats]") {
  nats_server server;
  nats_node node{server.url(), {}, impatient()};
  room_double chat{*node.bus, "chat.1"};
  const auto head = chat.seen().ready();
  chat.keep("1");
  server.kill();
  REQUIRE(within(5s, [&] { return !is_well(*node.bus); }));
  auto e = chat.event("2");
  e.event_id = "two";
  const auto refused = chat.publish(e);
  REQUIRE_FALSE(refused.stored);
  CHECK(refused.refused.why.code == errc::unavailable);
  CHECK(refused.refused.outcome == publish_outcome::not_stored);
  CHECK(refused.refused.event_id == "two");
  CHECK_FALSE(read(*node.bus, after("chat.1", 0)).why.code == errc::ok);

  server.start();
  REQUIRE(eventually([&] { return is_well(*node.bus); }));
  chat.keep("3");
  // What was refused was not sent later.
  CHECK(data_of(read(*node.bus, after("chat.1", 0)).events) == texts{"1", "3"});
  CHECK(data_of(chat.seen().events()) == texts{"1", "3"});
  CHECK(chat.seen().epochs().empty());
  CHECK(read(*node.bus, after("chat.1", 0)).head.epoch == head.epoch);
}

TEST_CASE("a server that comes back with an empty disk has another epoch", "[nats]") {
  nats_server server;
  nats_node node{server.url(), {}, impatient()};
  room_double chat{*node.bus, "chat.1"};
  const auto head = chat.seen().ready();
  chat.keep("1");
  chat.keep("2");
  server.kill();
  server.wipe();
  server.start();
  REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
  const auto anew = chat.seen().epochs().front();
  CHECK(anew.epoch != head.epoch);
  CHECK(anew.offset == 0);
  CHECK(node.log.says("begun anew"));
  REQUIRE(eventually([&] { return is_well(*node.bus); }));
  const auto p = chat.publish(chat.event("3"));
  REQUIRE(p.stored);
  CHECK(p.what.position == broker::stream_position{anew.epoch, 1});
  chat.seen().until_events(3);
  CHECK(chat.seen().epochs().size() == 1);
}

/// A server that has lost what was published last, and a node that knows it.
struct set_back_server {
  /// `generation`: of who has configured its stream, and is no more.
  explicit set_back_server(broker::milliseconds between_looks, std::uint64_t generation = 1) {
    if (generation != node.options.generation) {
      nats_node newer;
      newer.options.servers = {server.url()};
      newer.options.generation = generation;
      newer.open();
    }
    node.options.servers = {server.url()};
    node.options.every.canary = between_looks;
    node.open();
    chat.emplace(*node.bus, "chat.1");
    chat->keep("1");
    server.kill();
    server.save();
    server.start();
    for (const auto* data : {"2", "3"})
      REQUIRE(eventually([&] { return chat->publish(chat->event(data)).stored; }));
    server.kill();
    server.set_back();
    server.start();
    REQUIRE(eventually([&] { return reads(); }));
  }
  /// A read that has to look at the stream.
  bool reads() { return read(*node.bus, after("chat.1", 0)).why.code == errc::ok; }

  nats_server server;
  nats_node node;
  std::optional<room_double> chat;
};

TEST_CASE("a stream that was set back has another epoch", "[nats]") {
  set_back_server t{50ms};
  REQUIRE(eventually([&] { return !t.chat->seen().epochs().empty(); }));
  CHECK(t.node.log.says("was set back"));
  CHECK(t.chat->seen().epochs().front().epoch != t.chat->seen().ready().epoch);
  CHECK(t.chat->seen().epochs().front().offset == 1);
}

TEST_CASE("a stream that was set back has another epoch where a newer node has configured it", "[nats]") {
  set_back_server t{50ms, 2};
  REQUIRE(eventually([&] { return !t.chat->seen().epochs().empty(); }));
  CHECK(t.node.log.says("was set back"));
  nats_wire wire{t.server.port()};
  CHECK(stream_info(wire).find("generation=2") != std::string::npos);
}

TEST_CASE("a stream is not thought to be set back by what many looks find in one moment", "[nats]") {
  set_back_server t{1h};
  for (auto i = 0; i < 10; ++i)
    CHECK(t.reads());
  CHECK_FALSE(t.node.log.has_said("was set back"));
  CHECK(t.chat->seen().epochs().empty());
}

TEST_CASE("a stopped server is noticed, and what it may have taken is unknown", "[nats]") {
  nats_server server;
  nats_node node{server.url(), {}, impatient()};
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  server.stop_for_now();
  const auto since = std::chrono::steady_clock::now();
  auto e = chat.event("2");
  e.event_id = "two";
  const auto p = chat.publish(e);
  CHECK(std::chrono::steady_clock::now() - since < 4s);
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.why.code == errc::unavailable);
  CHECK(p.refused.outcome == publish_outcome::unknown);
  CHECK(p.refused.event_id == "two");
  CHECK(within(5s, [&] { return !is_well(*node.bus); }));

  server.go_on();
  REQUIRE(eventually([&] { return is_well(*node.bus); }));
  // It had it, or has it now, but not twice.
  const auto again = chat.publish(e);
  REQUIRE(again.stored);
  CHECK(again.what.event_id == "two");
  chat.seen().until_at(again.what.position.offset);
  CHECK(data_of(read(*node.bus, after("chat.1", 0)).events) == texts{"1", "2"});
  CHECK(data_of(chat.seen().events()) == texts{"1", "2"});
}

TEST_CASE("an event whose outcome was unknown is recognised though it came without an id", "[nats]") {
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node{proxy.url(), {}, impatient()};
  room_double chat{*node.bus, "chat.1"};
  chat.seen().ready();
  proxy.lose("_INBOX.", "\"seq\":");
  const auto p = chat.publish(chat.event("1"));
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.outcome == publish_outcome::unknown);
  REQUIRE_FALSE(p.refused.event_id.empty());
  proxy.lose_nothing();
  auto e = chat.event("1");
  e.event_id = p.refused.event_id;
  const auto again = chat.publish(e);
  REQUIRE(again.stored);
  CHECK(again.what.duplicate);
  CHECK(again.what.position.offset == 1);
  CHECK(data_of(read(*node.bus, after("chat.1", 0)).events) == texts{"1"});
}

TEST_CASE("every publish has one answer, whatever happens to the server", "[nats]") {
  nats_server server;
  nats_node node{server.url(), {}, impatient()};
  room_double chat{*node.bus, "chat.1"};
  chat.seen().ready();
  std::atomic<bool> over{false};
  std::size_t sent = 0;
  std::thread publisher{[&] {
    for (; !over; ++sent) {
      auto e = chat.event(std::to_string(sent));
      e.event_id = std::to_string(sent);
      chat.send(std::move(e));
      std::this_thread::sleep_for(1ms);
    }
  }};
  for (auto i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(150ms);
    server.kill();
    std::this_thread::sleep_for(100ms);
    server.start();
    REQUIRE(eventually([&] { return is_well(*node.bus); }));
  }
  over = true;
  publisher.join();
  chat.seen().until_answers(sent);
  CHECK_FALSE(chat.seen().broke_the_rules());
  std::set<std::string> kept;
  for (const auto& e : read(*node.bus, after("chat.1", 0)).events)
    CHECK(kept.insert(e->event_id).second);
  auto confirmed = 0u, refused = 0u;
  for (const auto& [token, p] : chat.seen().answers()) {
    const auto there = kept.contains(std::to_string(token - 1));
    if (p.stored) {
      ++confirmed;
      CHECK(there);
    } else if (p.refused.outcome == publish_outcome::not_stored) {
      ++refused;
      CHECK_FALSE(there);
    }
  }
  CHECK(confirmed > 0);
  CHECK(refused > 0);
  // All that was kept came, in order and each once, or what came next shows that a room has to read it.
  const auto log = read(*node.bus, after("chat.1", 0)).events;
  REQUIRE(within(10s, [&] {
    auto next = log.begin();
    std::uint64_t at = 0;
    for (const auto& e : chat.seen().events()) {
      for (; next != log.end() && (*next)->offset < e->offset; ++next)
        if ((*next)->offset > e->previous || e->previous <= at)
          return false;
      next += next != log.end() && (*next)->offset == e->offset ? 1 : 0;
      at = e->offset;
    }
    return next == log.end();
  }));
  const auto seen = chat.seen().events();
  for (std::size_t i = 1; i < seen.size(); ++i)
    CHECK(seen[i]->offset > seen[i - 1]->offset);
}

TEST_CASE("a room that is wanted while NATS is away opens when it is back", "[nats]") {
  nats_server server;
  nats_node node{server.url(), {}, impatient()};
  {
    room_double chat{*node.bus, "chat.1"};
    chat.keep("1");
  }
  server.kill();
  REQUIRE(within(5s, [&] { return !is_well(*node.bus); }));
  room_double chat{*node.bus, "chat.1"};
  chat.seen().until_unavailable();
  CHECK(chat.seen().times_ready() == 0);
  server.start();
  CHECK(chat.seen().ready().offset == 1);
  chat.keep("2");
}

TEST_CASE("what cannot be used at the start is said in one sentence that names it", "[nats]") {
  const auto refused = [](nats_node& n) {
    const auto bus = n.try_open();
    return bus.has_value() ? std::string{"opened"} : bus.error().message;
  };
  nats_server server{"authorization { user: ann, password: secret }"};
  const auto with = [&](const std::string& who) {
    return "nats://" + who + "127.0.0.1:" + std::to_string(server.port());
  };
  nats_node node{with("ann:secret@")};
  CHECK(is_well(*node.bus));
  node.options.servers = {with("ann:wrong@")};
  CHECK(refused(node) == "cannot use NATS at " + server.url() + ": it does not accept these credentials");
  node.options.servers = {with("")};
  CHECK(refused(node).find("credentials") != std::string::npos);
  server.kill();
  CHECK(refused(node) == "cannot use NATS at " + server.url() + ": no server answers there");
  node.options.servers = {};
  CHECK(refused(node) == "no server of NATS is named");
  node.options.prefix = "a b";
  CHECK(refused(node).find("prefix") != std::string::npos);
}

TEST_CASE("credentials that are no good any more are tried until they are", "[nats]") {
  nats_server server{"authorization { user: ann, password: secret }"};
  nats_node node{"nats://ann:secret@127.0.0.1:" + std::to_string(server.port()), {}, impatient()};
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  server.kill();
  server.configure("authorization { user: ann, password: other }");
  server.start();
  CHECK(node.log.says("does not accept these credentials"));
  CHECK_FALSE(is_well(*node.bus));
  server.kill();
  server.configure("authorization { user: ann, password: secret }");
  server.start();
  REQUIRE(eventually([&] { return is_well(*node.bus); }));
  chat.keep("2");
  CHECK(data_of(chat.seen().events()) == texts{"1", "2"});
}

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
