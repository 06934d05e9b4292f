#include "cluster/nats_link.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <string>

/// One connection to NATS, and its end.
namespace hubbub::test {
namespace {

std::unique_ptr<cluster::nats_link> open_link(const nats_server& server, recording_log& log) {
  cluster::nats_options o;
  o.servers = {server.url()};
  o.node = "n1";
  o.timeout = 1s;
  auto made = cluster::nats_link::open(o, log);
  if (!made)
    throw std::runtime_error{made.error().message};
  (*made)->observe({});
  return std::move(*made);
}

/// Waits until the server has had all that was said before.
void settle(cluster::nats_link& link) {
  auto known = std::make_shared<std::promise<void>>();
  auto answered = known->get_future();
  link.request("nobody.listens", {}, {}, [known](auto, const auto&) { known->set_value(); });
  REQUIRE(answered.wait_for(5s) == std::future_status::ready);
}

TEST_CASE("what was given to a link has left when it has closed", "[nats][link]") {
  constexpr auto many = 2'000;
  nats_server server;
  recording_log log;
  const auto listener = open_link(server, log);
  std::atomic<int> heard = 0;
  const auto subscription = listener->subscribe("told.>", [&](const cluster::nats_message&) { ++heard; });
  settle(*listener);

  for (auto times = 1; times <= 5; ++times) {
    const auto link = open_link(server, log);
    for (auto i = 0; i < many; ++i)
      REQUIRE(link->send("told.all", {}, std::string(500, 'x')));
    link->close();
    CHECK(within(5s, [&] { return heard == times * many; }));
  }
  CHECK_FALSE(log.has_said("lost"));
}

TEST_CASE("what has come to a link is handled before it closes", "[nats][link]") {
  nats_server server;
  recording_log log;
  const auto link = open_link(server, log);
  std::promise<void> first, go_on;
  std::atomic<int> heard = 0;
  const auto subscription = link->subscribe("told.>", [&](const cluster::nats_message&) {
    if (++heard == 1) {
      first.set_value();
      go_on.get_future().wait();
    }
  });
  settle(*link);
  nats_wire wire{server.port()};
  for (auto i = 0; i < 100; ++i)
    wire.publish("told.all", "x");
  wire.publish_now("told.all", "x");
  first.get_future().wait();
  auto closed = std::async(std::launch::async, [&] { link->close(); });
  go_on.set_value();
  closed.get();
  CHECK(heard == 101);
}

TEST_CASE("a link whose server does not answer closes all the same", "[nats][link]") {
  nats_server server;
  recording_log log;
  const auto link = open_link(server, log);
  settle(*link);
  server.stop_for_now();
  int left = 0;
  for (auto i = 0; i < 10; ++i)
    link->request("told.all", {}, "x", [&](cluster::nats_link::fate f, const auto&) {
      CHECK(f != cluster::nats_link::fate::answered);
      ++left;
    });
  link->close();
  CHECK(left == 10);
  server.go_on();
}

} // namespace
} // namespace hubbub::test
