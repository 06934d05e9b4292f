#include "cluster/nats_options.hpp"
#include "tests/daemon/admin_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// A cluster of three, seen from one.
class three_nodes final : public broker::roster_bus {
public:
  [[nodiscard]] std::unique_ptr<broker::roster_interest>
  want(const broker::room_name&, std::shared_ptr<broker::roster_bus_handler>) override {
    return nullptr;
  }
  [[nodiscard]] std::vector<broker::other_node> others() const override {
    return {{"n2", 1'600'000'000'000, true, std::chrono::seconds{30}},
            {"", 0, false, std::chrono::seconds{1}}};
  }
  void drain() override {}
};

} // namespace

TEST_CASE_METHOD(admin_fixture, "the tree of supervisors shows who runs, what crashed, and why", "[admin]") {
  auto& ann = connect();
  const json crash{{"op", "publish"}, {"room", "chat.bad"}, {"type", "crash"}, {"data", 1}};
  ann.ask(crash);
  auto& bob = connect();
  bob.ask({{"op", "history"}, {"room", "chat.breaks"}, {"limit", 1}});
  const auto a = get("/v1/supervisors");
  CHECK(a.status == 200);
  CHECK(a.body["node"] == "n1");
  const auto& tree = a.body["tree"];
  CHECK(tree["name"] == "node");
  CHECK(tree["status"] == "running");
  CHECK(tree["strategy"] == "one_for_one");
  CHECK(tree["crashes"] == 0);
  CHECK(tree["last"].is_null());
  const auto& children = tree["children"];
  REQUIRE(children.size() == 3 + loops.size());
  CHECK(tree["size"] == children.size());
  CHECK(children[0]["name"] == "rooms");
  CHECK(children[0]["size"] == 0);
  CHECK(children[0]["crashes"] == 1);
  CHECK(children[0]["restarts"] == 1);
  CHECK(children[0]["since"] == time.unix_ms());
  CHECK(children[0]["last"]["child"] == "chat.bad");
  CHECK(children[0]["last"]["reason"].get<std::string>().find("asked to crash") != std::string::npos);
  CHECK(children[0]["last"]["time"] == time.unix_ms());
  CHECK(children[0]["limits"] == json{{"of_child", 5}, {"of_all", 50}, {"within_ms", 10'000}});
  CHECK(children[1]["name"] == "connections");
  CHECK(children[1]["crashes"] == 1);
  CHECK(children[1]["last"]["reason"] == "asked to break");
  CHECK(children[2]["name"] == "bus");
  CHECK(children[2]["crashes"] == 0);
  CHECK(children[3]["name"] == "loop 0");
  CHECK(children[3].contains("lag_us"));
  for (auto i = 0; i < 5; ++i)
    ann.ask(crash);
  const auto rooms = get("/v1/supervisors").body["tree"]["children"][0];
  REQUIRE(rooms["waiting"].size() == 1);
  CHECK(rooms["waiting"][0] == json{{"child", "chat.bad"}, {"until", time.unix_ms() + 1000}, {"waits", 1}});
  // A backend is told the same as a client.
  const auto refused = publish("chat.bad", 1);
  CHECK(refused.status == 503);
  CHECK(refused.body["outcome"] == "not_stored");
  CHECK(refused.header("Retry-After") == "1");
}

TEST_CASE_METHOD(admin_fixture, "words of an exception that are no text do not break the answer", "[admin]") {
  node->context().supervision->bus.crashed("reader", "\xff\xfe");
  const auto a = get("/v1/supervisors");
  REQUIRE(a.body.is_object());
  CHECK(a.body["tree"]["children"][2]["last"]["child"] == "reader");
}

TEST_CASE_METHOD(admin_fixture, "a node says what its log promises and that it is alone", "[admin]") {
  const auto a = get("/v1/node");
  CHECK(a.status == 200);
  CHECK(a.body["node"] == "n1");
  CHECK(a.body["version"] == "0");
  CHECK(a.body["log"]["storage"] == "memory");
  CHECK(a.body["log"]["sync"] == "none");
  CHECK(a.body["log"]["replicas"] == 1);
  CHECK(a.body["log"]["promise"] == bus->promises().sentence);
  const json self{{"node", "n1"},
                  {"self", true},
                  {"started", time.unix_ms()},
                  {"since", time.unix_ms()},
                  {"draining", false}};
  CHECK(a.body["nodes"] == json::array({self}));
  CHECK(a.body["nats"].is_null());
  serving = false;
  CHECK(get("/v1/node").body["nodes"][0]["draining"] == true);
}

TEST_CASE_METHOD(admin_fixture, "a node lists the others of its cluster", "[admin]") {
  three_nodes cluster;
  node->context().rosters = &cluster;
  const auto nodes = get("/v1/node").body["nodes"];
  node->context().rosters = nullptr;
  REQUIRE(nodes.size() == 3);
  CHECK(nodes[1] == json{{"node", "n2"},
                         {"self", false},
                         {"started", 1'600'000'000'000},
                         {"since", time.unix_ms() - 30'000},
                         {"draining", true}});
  CHECK(nodes[2]["node"].is_null());
  CHECK(nodes[2]["draining"] == false);
}

TEST_CASE_METHOD(admin_fixture,
                 "a node shows its connections to NATS, and whether their servers will end soon", "[admin]") {
  auto how = parts(*bus);
  how.links = std::make_shared<cluster::link_counters>();
  how.links->lame_ducks = 2;
  how.links->moves = 1;
  bool open = true;
  how.links->add([] { return cluster::link_state{"nats://a:4222", true, false}; });
  how.links->add([&open] {
    return open ? std::optional{cluster::link_state{"nats://b:4222", false, true}} : std::nullopt;
  });
  daemon::admin_api of_cluster{std::move(how)};
  const auto nats = [&] {
    std::vector<answer> came;
    send(of_cluster, request("GET", "/v1/node"), came);
    REQUIRE(came.size() == 1);
    return came.front().body["nats"];
  };
  const json moved{{"server", "nats://a:4222"}, {"connected", true}, {"lame_duck", false}};
  const json stays{{"server", "nats://b:4222"}, {"connected", false}, {"lame_duck", true}};
  CHECK(nats() == json{{"links", json::array({moved, stays})}, {"lame_ducks", 2}, {"moves", 1}});
  open = false;
  CHECK(nats()["links"] == json::array({moved}));
}
