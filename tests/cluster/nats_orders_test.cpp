#include "cluster/nats_orders.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <mutex>
#include <stdexcept>

/// Orders of operators, and where they are answered.
namespace hubbub::test {
namespace {

/// What obeys orders, and nothing else of a node.
struct obeying_node {
  explicit obeying_node(const nats_server& server) {
    options.servers = {server.url()};
    options.timeout = 1s;
    auto made = cluster::named_link::open(options, log);
    if (!made)
      throw std::runtime_error{made.error().message};
    made->link->observe({});
    with = std::make_shared<cluster::jetstream_context>(options, std::move(made->names), time, log,
                                                        std::move(made->link));
  }

  cluster::nats_options options;
  broker::system_clock time;
  recording_log log;
  std::shared_ptr<cluster::jetstream_context> with;
};

TEST_CASE("an order is answered where answers belong, and nowhere else", "[nats][orders]") {
  nats_server server;
  obeying_node node{server};
  std::atomic<int> obeyed = 0;
  const auto orders =
      cluster::obey_orders(node.with, "try", [&](std::string_view, const broker::order_reply& reply) {
        ++obeyed;
        reply(std::string{"done"}, {});
      });
  std::mutex mutex;
  texts answered;
  const auto hear = [&](const cluster::nats_message& m) {
    std::lock_guard hold{mutex};
    answered.emplace_back(m.subject);
  };
  obeying_node other{server};
  const auto ours = other.with->link->subscribe("hubbub.rooms.>", hear);
  const auto control = other.with->link->subscribe("hubbub.control.drain", hear);
  const auto system = other.with->link->subscribe("$KV.>", hear);
  const auto theirs = other.with->link->subscribe("hubbubs.>", hear);
  const auto inbox = other.with->link->subscribe("_INBOX.*", hear);
  nats_wire wire{server.port()};
  const auto order = [&](const std::string& reply) {
    wire.send("PUB hubbub.control.try " + reply + " 2\r\n{}\r\n");
  };
  const auto answers = [&] {
    std::lock_guard hold{mutex};
    return answered;
  };
  REQUIRE(eventually([&] { // all of them listen
    order("_INBOX.operator");
    return within(100ms, [&] { return !answers().empty(); });
  }));
  const auto first = obeyed.load();
  const texts subjects{"hubbub.rooms.chat.1", "hubbub.control.drain", "$KV.hubbub_revocations.user.YW5u",
                       "hubbubs.answers"};
  for (const auto& reply : subjects)
    order(reply);
  order("_INBOX.last");
  REQUIRE(eventually([&] { return !answers().empty() && answers().back() == "_INBOX.last"; }));
  CHECK(obeyed - first >= 5); // it is an order all the same
  CHECK(node.log.says("not for answers"));
  auto elsewhere = answers();
  std::erase(elsewhere, "_INBOX.operator");
  CHECK(elsewhere == texts{"hubbubs.answers", "_INBOX.last"});
}

TEST_CASE("an order that is refused is counted, and logged where nobody waits for the answer",
          "[nats][orders]") {
  nats_server server;
  obeying_node node{server};
  const auto orders =
      cluster::obey_orders(node.with, "try", [&](std::string_view json, const broker::order_reply& reply) {
        reply(broker::refusal{json == "{}" ? broker::errc::unavailable : broker::errc::bad_frame, "a secret"},
              {});
      });
  const auto& counters = node.with->counters;
  nats_wire wire{server.port()};
  CHECK(eventually([&] { // it listens
    wire.send("PUB hubbub.control.try _INBOX.operator 2\r\n{}\r\n");
    return within(100ms, [&] { return counters.refused_orders > 0; });
  }));
  CHECK(wire.request("hubbub.control.try", "{}").starts_with(R"({"code":"unavailable")"));
  CHECK_FALSE(node.log.has_said("nobody waits"));
  const auto before = counters.refused_orders.load();
  wire.publish("hubbub.control.try", "{}");
  CHECK(eventually([&] { return node.log.says("nobody waits for the answer"); }));
  CHECK(counters.refused_orders > before);
  CHECK_FALSE(node.log.has_said("a secret"));
  CHECK(counters.bad_orders == 0);
  wire.publish("hubbub.control.try", "rubbish");
  CHECK(eventually([&] { return counters.bad_orders == 1; }));
}

} // namespace
} // namespace hubbub::test
