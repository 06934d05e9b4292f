#include "tests/cluster/nats_kit.hpp"
#include "tests/cluster/nats_trio.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

/// A server of NATS says that it will end soon.
namespace hubbub::test {
namespace {

using broker::errc;

/// Publishes all the time, and looks all the time whether the bus is well.
class steady_load {
public:
  explicit steady_load(nats_node& node) : node_{node}, chat_{*node.bus, "chat.1"} {
    chat_.seen().ready();
    thread_ = std::thread{[this] { run(); }};
  }
  ~steady_load() { end(); }
  steady_load(const steady_load&) = delete;
  steady_load& operator=(const steady_load&) = delete;

  [[nodiscard]] std::size_t sent() const { return sent_; }
  void end() {
    over_ = true;
    if (thread_.joinable())
      thread_.join();
  }
  /// After the end: what was confirmed came once and in order. Returns how much that was.
  std::size_t check() {
    chat_.seen().until_answers(sent_);
    CHECK_FALSE(chat_.seen().broke_the_rules());
    std::vector<std::uint64_t> confirmed;
    for (const auto& [token, p] : chat_.seen().answers()) {
      if (p.stored)
        confirmed.push_back(p.what.position.offset);
      else
        CHECK(p.refused.why.code == errc::unavailable);
    }
    std::ranges::sort(confirmed);
    REQUIRE_FALSE(confirmed.empty());
    chat_.seen().until_at(confirmed.back());
    std::vector<std::uint64_t> came;
    for (const auto& e : chat_.seen().events())
      came.push_back(e->offset);
    CHECK(std::ranges::is_sorted(came));
    CHECK(std::ranges::adjacent_find(came) == came.end());
    CHECK(std::ranges::includes(came, confirmed));
    return confirmed.size();
  }
  [[nodiscard]] std::chrono::milliseconds longest_unwell() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(longest_);
  }
  room_double& chat() { return chat_; }

private:
  void run() {
    std::optional<std::chrono::steady_clock::time_point> since;
    for (; !over_; ++sent_) {
      auto e = chat_.event(std::to_string(sent_));
      e.event_id = std::to_string(sent_);
      chat_.send(std::move(e));
      std::this_thread::sleep_for(1ms);
      const auto now = std::chrono::steady_clock::now();
      if (node_.bus->health().code == errc::ok) {
        since.reset();
        continue;
      }
      since = since.value_or(now);
      longest_ = std::max(longest_, now - *since);
    }
  }

  nats_node& node_;
  room_double chat_;
  std::atomic<bool> over_{false};
  std::atomic<std::size_t> sent_{0};
  std::chrono::steady_clock::duration longest_{0};
  std::thread thread_;
};

TEST_CASE("a node leaves a server that will end, and nothing is lost by it", "[nats]") {
  nats_trio nats;
  auto& duck = *nats.servers.front();
  nats_node node;
  // It knows of the others by what this one says of them.
  node.options.servers = {duck.url()};
  node.options.replicas = 3;
  node.options.timeout = 2s;
  node.options.every = often();
  node.options.every.lame_duck = 300ms;
  REQUIRE(eventually([&] { // they have to choose a leader first
    auto made = node.try_open();
    if (made)
      node.bus = std::move(*made);
    return made.has_value();
  }));
  REQUIRE(eventually([&] { return node.bus->health().code == errc::ok; }));
  steady_load load{node};
  REQUIRE(eventually([&] { return load.sent() > 100; }));
  duck.signal(SIGUSR2);
  REQUIRE(eventually([&] { return node.options.links->moves == 1; }));
  CHECK(node.options.links->lame_ducks == 1);
  CHECK(node.log.says("moved to another server"));
  const auto links = node.options.links->look();
  REQUIRE(links.size() == 1);
  CHECK(links.front().server != duck.url());
  CHECK(links.front().connected);
  CHECK_FALSE(links.front().lame_duck);
  const auto then = load.sent();
  REQUIRE(eventually([&] { return load.sent() > then + 100; }));
  load.end();
  CHECK(load.check() > 100);
  CHECK(load.chat().seen().epochs().empty());
  CHECK(load.longest_unwell() < 3s);
  // It is somewhere else: the end of this one is nothing to it.
  REQUIRE(eventually([&] { return node.bus->health().code == errc::ok; }));
  duck.kill();
  CHECK(eventually([&] {
    const auto p = load.chat().publish(load.chat().event("\"after\""));
    return p.stored;
  }));
  CHECK(node.options.links->moves == 1);
  CHECK_FALSE(node.log.has_said("is lost"));
}

TEST_CASE("a server without others is not left when it will end", "[nats]") {
  nats_server server;
  nats_node node{server.url(), {}, often()};
  node.bus.reset();
  node.options.every.lame_duck = 0ms;
  node.open();
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  server.signal(SIGUSR2);
  CHECK(node.log.says("about to end"));
  CHECK(node.log.says("no other server to go to"));
  // It serves until it ends; since 2.10 without its streams.
  const auto p = chat.publish(chat.event("2"));
  CHECK((p.stored || p.refused.why.code == broker::errc::unavailable));
  CHECK(node.options.links->lame_ducks == 1);
  CHECK(node.options.links->moves == 0);
  const auto links = node.options.links->look();
  REQUIRE(links.size() == 1);
  CHECK(links.front().server == server.url());
  CHECK(links.front().connected);
  CHECK(links.front().lame_duck);
}

} // namespace
} // namespace hubbub::test
