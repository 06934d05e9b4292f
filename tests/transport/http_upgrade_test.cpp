#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

#include <string>
#include <vector>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

const std::vector<std::string> upgrade{"Upgrade: websocket", "Connection: Upgrade",
                                       "Sec-WebSocket-Version: 13",
                                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="};

std::vector<std::string> without(std::vector<std::string> lines, const std::string& name) {
  std::erase_if(lines, [&](const std::string& line) { return line.starts_with(name); });
  return lines;
}

} // namespace

TEST_CASE("a bad upgrade is refused with a status that says why", "[http][upgrade]") {
  test_server server;
  CHECK(http_request(server.port(), "GET", "/v1/ws").status == 426);
  CHECK(http_request(server.port(), "POST", "/v1/ws", upgrade).status == 405);
  CHECK(http_request(server.port(), "GET", "/v1/other", upgrade).status == 404);
  auto lines = without(upgrade, "Sec-WebSocket-Version");
  lines.emplace_back("Sec-WebSocket-Version: 8");
  auto version = http_request(server.port(), "GET", "/v1/ws", lines);
  CHECK(version.status == 426);
  CHECK(version.header("Sec-WebSocket-Version") == "13");
  CHECK(http_request(server.port(), "GET", "/v1/ws", without(upgrade, "Sec-WebSocket-Key")).status == 400);
  CHECK(http_request(server.port(), "GET", "/v1/ws", without(upgrade, "Connection")).status == 426);
  CHECK(server.listener.counters().refused_other == 6);
  CHECK(server.opened == 0);
}

TEST_CASE("the acceptor's refusal becomes an HTTP answer", "[http][upgrade]") {
  test_server server;
  struct row {
    broker::refusal why;
    int status;
    std::string retry_after;
    std::string body;
  };
  for (const auto& [why, status, retry_after, body] :
       {row{{broker::errc::unauthorized, "no \"token\""},
            401,
            "",
            R"({"code":"unauthorized","message":"no \"token\""})"},
        row{{broker::errc::forbidden, "origin"}, 403, "", R"({"code":"forbidden","message":"origin"})"},
        row{{broker::errc::rate_limited, "slow down", 1500},
            429,
            "2",
            R"({"code":"rate_limited","message":"slow down","retry_after_ms":1500})"},
        row{{broker::errc::overloaded, "too many", 0},
            503,
            "1",
            R"({"code":"overloaded","message":"too many","retry_after_ms":1000})"}}) {
    server.on_loop([&] { server.refuse = why; });
    auto answer = http_request(server.port(), "GET", "/v1/ws", upgrade);
    CHECK(answer.status == status);
    CHECK(answer.header("Retry-After") == retry_after);
    CHECK(answer.body == body + "\n");
  }
  const auto& counters = server.listener.counters();
  CHECK(counters.refused_unauthorized == 1);
  CHECK(counters.refused_forbidden == 1);
  CHECK(counters.refused_limited == 1);
  CHECK(counters.refused_overloaded == 1);
  CHECK(eventually(2s, [&] { return server.gone == server.connecting; }));
}

TEST_CASE("who is let in only to be told when to come again is counted as refused", "[http][upgrade]") {
  test_server server;
  server.on_loop([&] { server.put_off = broker::errc::overloaded; });
  ws_client client{server.port()};
  const auto& counters = server.listener.counters();
  CHECK(counters.upgraded == 0);
  CHECK(counters.refused_overloaded == 1);
}

TEST_CASE("everything a client shows in its handshake reaches the acceptor", "[http][upgrade]") {
  test_server server;
  server.select = "hubbub.v1.json";
  ws_client client{
      server.port(),
      {.path = "/v1/ws?x=1&token=a%2Eb&y",
       .headers = {"Authorization: bearer T0", "Origin: http://here", "Cookie: a=b; hubbub_token=c.d; e",
                   "Sec-WebSocket-Protocol: hubbub.v1.json, bearer.T1",
                   "Sec-WebSocket-Protocol: ticket.T2"}}};
  CHECK(client.header("Sec-WebSocket-Protocol") == "hubbub.v1.json");
  CHECK(client.header("Sec-WebSocket-Extensions").empty());
  server.on_loop([&] {
    const auto& h = server.shown;
    CHECK(h.remote_address == "127.0.0.1");
    CHECK(h.target == "/v1/ws?x=1&token=a%2Eb&y");
    CHECK(h.host == "127.0.0.1:" + std::to_string(server.port()));
    CHECK(h.origin == "http://here");
    CHECK(h.bearer == "T0");
    CHECK(h.query_token == "a.b");
    CHECK(h.cookie_token == "c.d");
    CHECK(h.subprotocols == std::vector<std::string>{"hubbub.v1.json", "bearer.T1", "ticket.T2"});
    CHECK_FALSE(h.tls);
  });
}

TEST_CASE("a cookie of 12 KB is no obstacle", "[http][upgrade]") {
  test_server server;
  ws_client client{server.port(),
                   {.headers = {"Cookie: big=" + std::string(12'000, 'c') + "; hubbub_token=t"}}};
  client.send_text("hello");
  CHECK(client.read_message() == "hello");
  server.on_loop([&] { CHECK(server.shown.cookie_token == "t"); });
}

TEST_CASE("a listener without WebSocket gives everything to its handler", "[http]") {
  transport::listener_options options;
  options.websocket = false;
  test_server server{options};
  CHECK(http_request(server.port(), "GET", "/v1/ws").status == 200);
  CHECK(http_request(server.port(), "GET", "/v1/ws", upgrade).status == 404);
}
