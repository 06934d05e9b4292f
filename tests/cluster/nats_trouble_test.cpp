#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <set>

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

} // namespace
} // namespace hubbub::test
