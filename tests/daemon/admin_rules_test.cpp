#include "broker/daemon/public_http.hpp"
#include "tests/daemon/admin_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// A bus that has lost its log.
class sick_bus final : public broker::event_bus {
public:
  [[nodiscard]] std::unique_ptr<broker::interest> want(const broker::room_name&,
                                                       std::shared_ptr<broker::event_bus_handler>) override {
    return nullptr;
  }
  void read(broker::read_request, broker::read_handler done) override {
    broker::read_result r;
    r.why = health();
    done(std::move(r));
  }
  [[nodiscard]] broker::guarantee promises() const override { return {}; }
  [[nodiscard]] broker::refusal health() const override {
    return {broker::errc::unavailable, "the log cannot be reached", 4000};
  }
};

} // namespace

TEST_CASE_METHOD(admin_fixture, "everything but the probes asks for an admin key", "[admin]") {
  for (const auto* target : {"/v1/rooms", "/v1/rooms/chat.a/history", "/v1/rooms/chat.a/presence",
                             "/v1/connections", "/v1/supervisors", "/v1/node", "/metrics", "/nowhere"})
    for (const auto* given : {"", "Bearer wrong", "a-secret-of-the-operators"}) {
      CAPTURE(target, given);
      auto r = request("GET", target);
      r.authorization = given;
      const auto a = ask(r);
      CHECK(a.status == 401);
      CHECK(a.body["code"] == "unauthorized");
      CHECK(a.header("WWW-Authenticate") == "Bearer");
    }
  for (const auto* target : {"/v1/publish", "/v1/disconnect", "/v1/revoke", "/v1/drain"}) {
    auto r = request("POST", target, "{}");
    r.authorization = {};
    CHECK(ask(r).status == 401);
  }
  for (const auto* target : {"/healthz", "/readyz"}) {
    auto r = request("GET", target);
    r.authorization = {};
    CHECK(ask(r).status == 200);
  }
}

TEST_CASE_METHOD(admin_fixture, "a path or method that there is not says so", "[admin]") {
  for (const auto* path : {"/", "/v1", "/v1/rooms/", "/v1/rooms/chat.a", "/v2/publish", "/healthz/"})
    CHECK(get(path).status == 404);
  struct row {
    const char* method;
    const char* path;
    const char* allow;
  };
  for (const auto& r : std::vector<row>{{"GET", "/v1/publish", "POST"},
                                        {"PUT", "/v1/publish", "POST"},
                                        {"POST", "/v1/rooms", "GET, HEAD"},
                                        {"DELETE", "/v1/rooms/chat.a/history", "GET, HEAD"},
                                        {"POST", "/healthz", "GET, HEAD"},
                                        {"POST", "/metrics", "GET, HEAD"}}) {
    CAPTURE(r.method, r.path);
    const auto a = ask(request(r.method, r.path));
    CHECK(a.status == 405);
    CHECK(a.header("Allow") == r.allow);
    CHECK(a.body["code"] == "bad_command");
  }
  CHECK(ask(request("HEAD", "/v1/rooms")).status == 200);
}

TEST_CASE_METHOD(admin_fixture, "a node is drained once it is asked to", "[admin]") {
  CHECK(ask(request("GET", "/v1/drain")).status == 405);
  CHECK(drains == 0);
  const auto a = ask(request("POST", "/v1/drain"));
  CHECK(a.status == 202);
  CHECK(a.body == json{{"status", "draining"}});
  CHECK(drains == 1);
  // Whoever lost the answer asks again.
  CHECK(ask(request("POST", "/v1/drain")).body == a.body);
  CHECK(drains == 1);
}

TEST_CASE_METHOD(admin_fixture, "a page of another site cannot reach the admin API", "[admin]") {
  origins = {true, {}};
  auto r = request("GET", "/healthz");
  CHECK(ask(r).status == 200);
  r.origin = "https://evil.example";
  const auto a = ask(r);
  CHECK(a.status == 403);
  CHECK(a.body["code"] == "forbidden");
  r.origin = {};
  r.host = "evil.example:8081";
  CHECK(ask(r).status == 403);
}

TEST_CASE_METHOD(admin_fixture, "a node is ready when it serves and its log can be reached", "[admin]") {
  CHECK(get("/healthz").body == json{{"status", "ok"}});
  CHECK(get("/readyz").body == json{{"status", "ready"}});
  serving = false;
  CHECK(get("/readyz").status == 503);
  CHECK(get("/healthz").status == 200);
  serving = true;
  sick_bus sick;
  auto p = parts(sick);
  daemon::admin_api strict{p};
  p.ready_without_bus = true;
  daemon::admin_api easy{p};
  std::vector<answer> came;
  send(strict, request("GET", "/readyz"), came);
  send(easy, request("GET", "/readyz"), came);
  send(strict, request("GET", "/v1/rooms/chat.a/history"), came);
  REQUIRE(came.size() == 3);
  CHECK(came[0].status == 503);
  CHECK(came[0].body["message"] == "the log cannot be reached");
  CHECK(came[0].header("Retry-After") == "4");
  CHECK(came[1].status == 200);
  CHECK(came[2].status == 503);
  CHECK(came[2].body["code"] == "unavailable");
}

TEST_CASE_METHOD(admin_fixture, "metrics are Prometheus text", "[admin]") {
  publish("chat.a", 1);
  const auto a = get("/metrics");
  CHECK(a.status == 200);
  CHECK(a.whole.content_type == broker::metrics::content_type);
  CHECK(a.whole.body.find("\n# TYPE ") != std::string::npos);
}

TEST_CASE("the public listener answers its probe and nothing else", "[http]") {
  const daemon::origin_rules dev{true, {}};
  const daemon::origin_rules open{false, {"https://app.example.com"}};
  const auto ask = [](const daemon::origin_rules& rules, const std::string& method, const std::string& path,
                      const std::string& host = "localhost", const std::string& origin = {}) {
    daemon::public_http http{rules, false};
    broker::http_request r;
    r.method = method;
    r.path = path;
    r.host = host;
    r.origin = origin;
    broker::http_response out;
    http.handle(r, [&](broker::http_response got) { out = std::move(got); });
    return out;
  };
  CHECK(ask(open, "GET", "/healthz", "hub.example.com").body == "{\"status\":\"ok\"}");
  CHECK(ask(open, "HEAD", "/healthz").status == 200);
  CHECK(ask(open, "POST", "/healthz").status == 405);
  CHECK(ask(open, "GET", "/").status == 404);
  CHECK(ask(open, "GET", "/v1/publish").status == 501);
  CHECK(ask(open, "GET", "/v1/rooms").status == 404);
  CHECK(ask(open, "GET", "/healthz", "hub.example.com", "https://app.example.com").status == 200);
  CHECK(ask(open, "GET", "/healthz", "hub.example.com", "https://evil.example").status == 403);
  CHECK(ask(dev, "GET", "/healthz", "hub.example.com").status == 403);
}
