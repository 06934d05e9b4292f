#include "broker/daemon/node_order.hpp"
#include "broker/daemon/operator_orders.hpp"
#include "tests/daemon/admin_fixture.hpp"
#include "tests/support/catch.hpp"

#include <map>

using namespace hubbub;
using namespace hubbub::tests;
using daemon::node_order;

namespace {

std::string why_no_node(std::string_view json, bool may_mean_all) {
  const auto order = node_order::parse(json, may_mean_all);
  return order ? "" : order.error().message;
}

/// Orders of the test's own.
class order_desk final : public broker::order_source {
public:
  void obey(std::string_view what, broker::order_handler to) override {
    takes[std::string{what}] = std::move(to);
  }
  void on_revoked(std::function<void(const broker::revocation&)> f) override { revoked = std::move(f); }
  std::uint64_t not_understood() const noexcept override { return 0; }
  std::uint64_t refused() const noexcept override { return 0; }

  std::map<std::string, broker::order_handler> takes;
  std::function<void(const broker::revocation&)> revoked;
};

/// What was told of operators, in words.
class audit_book final : public broker::audit_sink {
public:
  void did(const broker::operator_action& a) override {
    std::string line{a.what};
    line.append(" ").append(a.by);
    if (!a.whom.first.empty())
      line.append(" ").append(a.whom.first).append("=").append(a.whom.second);
    if (a.closed)
      line.append(" ").append(std::to_string(*a.closed));
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

/// Another node is there, n2.
class two_nodes final : public broker::roster_bus {
public:
  std::unique_ptr<broker::roster_interest> want(const broker::room_name&,
                                                std::shared_ptr<broker::roster_bus_handler>) override {
    return nullptr;
  }
  std::vector<broker::other_node> others() const override { return {{"n2"}}; }
  bool knows_others() const override { return knows; }
  void drain() override {}

  bool knows = true;
};

/// A node whose operators write by NATS.
class orders_fixture : public admin_fixture {
public:
  order_desk desk;
  two_nodes rosters;
  broker::result<void> reloaded;
  int reloads = 0;
  audit_book audited;
  std::shared_ptr<daemon::operator_orders> orders = std::make_shared<daemon::operator_orders>(
      daemon::operator_orders::parts{*node, &rosters, "n1", [this] { return serving; }, [this] { ++drains; },
                                     [this] {
                                       ++reloads;
                                       return reloaded;
                                     },
                                     &audited});
  orders_fixture() { daemon::operator_orders::obey(orders, desk); }

  /// What came back: JSON, a refusal's sentence, or nothing.
  std::string give(const std::string& what, const std::string& json) {
    std::string came;
    desk.takes.at(what)(json, [&came](const broker::result<std::string>& done, std::function<void()> then) {
      came = done ? *done : done.error().message;
      if (then)
        then();
    });
    settle();
    return came;
  }
};

} // namespace

TEST_CASE("an order for nodes never means all of them by mistake", "[orders]") {
  CHECK(node_order::parse(R"({"node":"n1","else":1})", false)->node == "n1");
  CHECK(node_order::parse(R"({"all":true})", true)->node.empty());
  for (const auto may_mean_all : {false, true}) {
    for (auto text : {"", "[]", "{", "n1"})
      CHECK(why_no_node(text, may_mean_all) == "the order is not a JSON object");
    for (auto text : {"{}", R"({"node":""})", R"({"node":"a b"})", R"({"node":"*"})", R"({"node":1})",
                      R"({"node":null})", R"({"all":false})", R"({"all":1})", R"({"node":"n1","all":true})"})
      CHECK(why_no_node(text, may_mean_all).starts_with("field `node` must name"));
    CHECK(why_no_node(R"({"node":"n1","node":"n2"})", may_mean_all) ==
          "field `node` is there more than once");
  }
  CHECK(why_no_node(R"({"all":true})", false).ends_with("all at once is not possible"));
}

TEST_CASE_METHOD(orders_fixture, "a node drains when it is the one that is meant", "[orders]") {
  CHECK(give("drain", R"({"node":"n2"})").empty());
  CHECK(give("drain", "{}").starts_with("field `node` must name"));
  CHECK(give("drain", R"({"all":true})").starts_with("field `node` must name"));
  CHECK(give("drain", R"({"node":"n3"})") == "field `node`: there is no node n3 (there are: n1, n2)");
  CHECK(drains == 0);
  const std::string draining = R"({"node":"n1","status":"draining"})";
  CHECK(give("drain", R"({"node":"n1"})") == draining);
  CHECK(drains == 1);
  // Whoever asks again has lost the answer, and is in no hurry.
  CHECK(give("drain", R"({"node":"n1"})") == draining);
  CHECK(drains == 1);
}

TEST_CASE_METHOD(orders_fixture, "a node that does not know the others yet leaves the answer to them",
                 "[orders]") {
  rosters.knows = false;
  for (auto what : {"drain", "reload"})
    CHECK(give(what, R"({"node":"n3"})").empty());
  CHECK(give("drain", "{}").starts_with("field `node` must name"));
  CHECK(give("reload", R"({"node":"n1"})") == R"({"node":"n1","reloaded":true})");
  rosters.knows = true;
  CHECK(give("reload", R"({"node":"n3"})") == "field `node`: there is no node n3 (there are: n1, n2)");
}

TEST_CASE_METHOD(orders_fixture, "a node that drains already is not told twice", "[orders]") {
  serving = false;
  CHECK(give("drain", R"({"node":"n1"})") == R"({"node":"n1","status":"draining"})");
  CHECK(drains == 0);
}

TEST_CASE_METHOD(orders_fixture, "each node closes whom a disconnect means, and says how many", "[orders]") {
  auto& ann = connect();
  auto& bob = connect();
  const std::string session = get("/v1/connections").body["connections"][0]["session"];
  CHECK(give("disconnect", R"({"session":")" + session + R"(","reconnect":true})") ==
        R"({"node":"n1","disconnected":1})");
  REQUIRE(ann.wire.closed.has_value() != bob.wire.closed.has_value());
  CHECK((ann.wire.closed ? ann : bob).wire.closed->reconnect());
  CHECK(give("disconnect", R"({"user":"nobody"})") == R"({"node":"n1","disconnected":0})");
  CHECK(give("disconnect", "{}").starts_with("exactly one of"));
}

TEST_CASE_METHOD(orders_fixture, "certificates are read again where that is asked for", "[orders]") {
  CHECK(give("reload", R"({"node":"n2"})").empty());
  CHECK(give("reload", "{}").starts_with("field `node` must name a node"));
  CHECK(reloads == 0);
  CHECK(give("reload", R"({"node":"n1"})") == R"({"node":"n1","reloaded":true})");
  CHECK(give("reload", R"({"all":true})") == R"({"node":"n1","reloaded":true})");
  CHECK(reloads == 2);
  reloaded = broker::refusal{broker::errc::invalid_data, "the key k cannot be used"};
  CHECK(give("reload", R"({"all":true})") == "the key k cannot be used");
}

TEST_CASE_METHOD(orders_fixture, "a node that stops obeys nobody", "[orders]") {
  orders->close();
  CHECK(give("drain", R"({"node":"n1"})").empty());
  CHECK(give("disconnect", R"({"user":"ann"})").empty());
  CHECK(drains == 0);
}

TEST_CASE_METHOD(orders_fixture, "what operators did is told, and what was refused is not", "[orders]") {
  auto with_audit = parts(*bus);
  with_audit.audit = &audited;
  daemon::admin_api told{std::move(with_audit)};
  std::vector<answer> came;
  const auto by_admin = [&](const std::string& path, const std::string& body) {
    send(told, request("POST", path, body), came);
    settle();
  };
  connect();
  by_admin("/v1/disconnect", R"({"user":"ann"})");
  by_admin("/v1/revoke", R"({"token_id":"t-1"})");
  by_admin("/v1/drain", "");
  by_admin("/v1/disconnect", "{}");
  by_admin("/v1/revoke", "{}");
  CHECK(audited.lines ==
        std::vector<std::string>{"disconnect admin user=ann 0", "revoke admin token_id=t-1", "drain admin"});
  audited.lines.clear();
  give("disconnect", R"({"session":"00000000000000ff"})");
  give("reload", R"({"all":true})");
  give("drain", R"({"node":"n2"})");
  give("drain", R"({"node":"n1"})");
  give("drain", R"({"node":"n1"})");
  give("drain", "{}");
  desk.revoked({.user = "bob"});
  CHECK(audited.lines == std::vector<std::string>{"disconnect nats session=00000000000000ff 0", "reload nats",
                                                  "drain nats", "revoke nats user=bob"});
  // Whoever is not asked to tell it is not.
  CHECK(post("/v1/disconnect", {{"user", "ann"}}).status == 200);
  CHECK(audited.lines.size() == 4);
}
