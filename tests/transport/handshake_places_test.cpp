#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/tls_server.hpp"

#include <memory>
#include <set>
#include <stdexcept>
#include <tuple>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

transport::listener_options with_places(std::uint32_t n, std::chrono::milliseconds patience) {
  transport::listener_options options;
  options.handshakes_at_once = n;
  options.handshake_patience = patience;
  return options;
}

/// So many that have begun a handshake, and do not go on.
std::vector<raw_client> half_handshakes(test_server& server, std::size_t n, std::string_view beginning) {
  std::vector<raw_client> all;
  for (std::size_t i = 0; i < n; ++i) {
    all.emplace_back("127.0.0.1", server.port());
    all.back().send_raw(beginning);
  }
  CHECK(eventually(5s, [&] { return server.listener.counters().half_open == static_cast<std::int64_t>(n); }));
  return all;
}

/// The answer to a handshake that shows `ticket`; empty: none.
int handshake_status(raw_client& client, std::string_view ticket = {}) {
  std::string request = "GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  if (!ticket.empty())
    request.append("Sec-WebSocket-Protocol: hubbub.v1.json, ticket.").append(ticket).append("\r\n");
  client.send_raw(request += "\r\n");
  return read_http(client).status;
}

int handshake_status(test_server& server, std::string_view ticket = {}, bool tls = false) {
  raw_client client{"127.0.0.1", server.port(), tls};
  return handshake_status(client, ticket);
}

/// What a refusal's body says; -1: nothing.
int retry_after_ms(const std::string& body) {
  const std::string_view field = "\"retry_after_ms\":";
  const auto at = body.find(field);
  return at == body.npos ? -1 : std::stoi(body.substr(at + field.size()));
}

const std::string half_request = "GET /v1/ws HTTP/1.1\r\nHost: x\r\n";
const std::string half_hello("\x16\x03\x01\x02\x00\x01\x00", 7);

} // namespace

TEST_CASE("more handshakes than may be under way are refused and told when to come again", "[http][places]") {
  test_server server{with_places(4, 1h)};
  const auto& counters = server.listener.counters();
  auto half = half_handshakes(server, 4, half_request);
  std::set<std::string> waits;
  std::set<int> told;
  for (auto i = 0; i < 6; ++i) {
    const auto answer = http_request(server.port(), "GET", "/");
    CHECK(answer.status == 503);
    CHECK(answer.body.find("overloaded") != answer.body.npos);
    waits.insert(answer.header("Retry-After"));
    told.insert(retry_after_ms(answer.body));
  }
  CHECK(waits == std::set<std::string>{"1", "2", "3"});
  CHECK(told == std::set<int>{1000, 1999, 2998});
  CHECK(counters.refused_handshakes == 6);
  CHECK(counters.crowded_out == 0);
  // They are gone for whoever counts connections.
  CHECK(server.connecting == 10);
  CHECK(eventually(5s, [&] { return server.gone == 6; }));
  // Those who were refused hold no place: one that is given back is free.
  half.erase(half.begin());
  CHECK(eventually(5s, [&] { return http_request(server.port(), "GET", "/").status == 200; }));
  for (auto& client : half)
    CHECK_FALSE(client.ended());
}

TEST_CASE("handshakes that take long make room for others, in HTTP", "[http][places]") {
  test_server server{with_places(3, 100ms)};
  auto half = half_handshakes(server, 3, half_request);
  std::vector<std::unique_ptr<ws_client>> in;
  for (auto i = 0; i < 3; ++i)
    CHECK(eventually(5s, [&] {
      try {
        in.push_back(std::make_unique<ws_client>(server.port()));
        return true;
      } catch (const std::runtime_error&) {
        return false; // as long as nobody has taken long
      }
    }));
  const auto& counters = server.listener.counters();
  CHECK(counters.crowded_out >= 1);
  // The first to come is the first to go.
  CHECK(half.front().wait_for_end(5s));
  for (auto& client : in) {
    client->send_text("in");
    CHECK(client->read_message() == "in");
  }
  // With those who came while nobody had taken long yet.
  CHECK(eventually(5s, [&] {
    return server.gone ==
           static_cast<int>(counters.crowded_out + counters.refused_handshakes + counters.refused_reserved);
  }));
}

TEST_CASE("handshakes that take long make room for others, in TLS", "[tls][places]") {
  tls_server tls{with_places(3, 100ms)};
  auto& server = tls.server;
  const auto& counters = server.listener.counters();
  auto half = half_handshakes(server, 3, half_hello);
  std::unique_ptr<ws_client> in;
  CHECK(eventually(5s, [&] {
    try {
      in = std::make_unique<ws_client>(server.port(), ws_options{.tls = true});
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }));
  REQUIRE(in);
  CHECK(counters.crowded_out >= 1);
  in->send_text("in");
  CHECK(in->read_message() == "in");
}

TEST_CASE("who refuses a TLS handshake for want of places spends nothing on it", "[tls][places]") {
  auto options = with_places(2, 1h);
  options.tls_refusals_per_second = 0;
  tls_server tls{options};
  auto& server = tls.server;
  auto half = half_handshakes(server, 2, half_hello);
  raw_client late{"127.0.0.1", server.port()};
  CHECK(late.wait_for_end(5s));
  CHECK(server.listener.counters().refused_handshakes == 1);
  CHECK(server.listener.counters().tls_failed == 0);
}

TEST_CASE("a WebSocket takes no handshake's place, and a connection between two requests gives it up",
          "[http][places]") {
  test_server server{with_places(3, 100ms)};
  std::vector<std::unique_ptr<ws_client>> in;
  for (auto i = 0; i < 8; ++i)
    in.push_back(std::make_unique<ws_client>(server.port()));
  std::vector<raw_client> waiting;
  for (auto i = 0; i < 2; ++i) {
    auto& client = waiting.emplace_back("127.0.0.1", server.port());
    client.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(read_http(client).status == 200);
  }
  CHECK(eventually(5s, [&] { return http_request(server.port(), "GET", "/").status == 200; }));
  CHECK(server.listener.counters().crowded_out >= 1);
  CHECK(waiting.front().wait_for_end(5s));
  for (auto& client : in) {
    client->send_text("in");
    CHECK(client->read_message() == "in");
  }
}

TEST_CASE("who does not take its answer makes room for others", "[http][places]") {
  auto options = with_places(4, 100ms);
  options.send_buffer_bytes = 4608;
  test_server server{options};
  server.on_request = [](broker::http_request request, std::function<void(broker::http_response)> done) {
    broker::http_response response;
    if (request.path == "/large")
      response.body.assign(8 << 20, 'x');
    done(std::move(response));
  };
  const auto& counters = server.listener.counters();
  std::vector<raw_client> greedy;
  for (auto i = 0; i < 3; ++i) {
    greedy.emplace_back("127.0.0.1", server.port(), false, 2048);
    greedy.back().send_raw("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  REQUIRE(eventually(5s, [&] { return counters.http_requests == 3; }));
  CHECK(eventually(5s, [&] { return http_request(server.port(), "GET", "/").status == 200; }));
  CHECK(counters.crowded_out >= 1);
  // The first to come is the first to go.
  CHECK(greedy.front().wait_for_end(5s));
}

TEST_CASE("the last places for handshakes are kept for those who resume", "[http][places]") {
  test_server server{with_places(8, 1h)};
  const auto& counters = server.listener.counters();
  auto half = half_handshakes(server, 6, half_request);
  std::set<std::string> waits;
  for (auto i = 0; i < 6; ++i) {
    const auto answer = http_request(server.port(), "GET", "/");
    CHECK(answer.status == 503);
    CHECK(answer.body.find("kept for those who resume") != answer.body.npos);
    waits.insert(answer.header("Retry-After"));
  }
  CHECK(waits == std::set<std::string>{"1", "2", "3"});
  CHECK(handshake_status(server) == 503);
  CHECK(counters.refused_reserved == 7);
  // Who shows a ticket that does not count is refused as well, and keeps nobody out.
  std::vector<raw_client> forgers;
  for (auto i = 0; i < 4; ++i) {
    auto& client = forgers.emplace_back("127.0.0.1", server.port());
    CHECK(handshake_status(client, "bad") == 503);
  }
  CHECK(counters.refused_overloaded == 4);
  for (auto i = 0; i < 4; ++i)
    CHECK(handshake_status(server, "good") == 101);
  CHECK(counters.refused_handshakes == 0);
  CHECK(counters.crowded_out == 0);
  for (auto& client : half)
    CHECK_FALSE(client.ended());
  half.pop_back();
  CHECK(eventually(5s, [&] { return handshake_status(server) == 101; }));
}

TEST_CASE("those who say nothing leave the places of those who resume before any others", "[http][places]") {
  test_server server{with_places(4, 4s)};
  auto half = half_handshakes(server, 4, half_request);
  CHECK(eventually(3s, [&] { return handshake_status(server, "good") == 101; }));
  CHECK(server.listener.counters().crowded_out == 1);
  CHECK(half.back().wait_for_end(5s));
  CHECK(eventually(5s, [&] { return server.listener.counters().half_open == 3; }));
}

TEST_CASE("few places for handshakes are enough to come in", "[http][places]") {
  for (const auto places : {1u, 2u, 3u}) {
    test_server server{with_places(places, 1h)};
    CHECK(handshake_status(server) == 101);
    auto half = half_handshakes(server, std::max(places - 1, 1u), half_request);
    CHECK(handshake_status(server) == 503);
    // One is too few to divide.
    CHECK(handshake_status(server, "good") == (places == 1 ? 503 : 101));
    half.clear();
    CHECK(eventually(5s, [&] { return handshake_status(server) == 101; }));
  }
}

TEST_CASE("who waits in a place of those who resume may have another that is free by then",
          "[http][places]") {
  test_server server{with_places(4, 1h)};
  auto half = half_handshakes(server, 4, "GET / HTTP/1.1\r\nHost: x\r\n");
  half.erase(half.begin());
  CHECK(eventually(5s, [&] { return server.listener.counters().half_open == 3; }));
  half.back().send_raw("\r\n");
  CHECK(read_http(half.back()).status == 200);
  CHECK(server.listener.counters().refused_reserved == 0);
}

TEST_CASE("who has got an answer keeps its place for the next, however many come", "[http][places]") {
  test_server server{with_places(2, 1h)};
  raw_client client{"127.0.0.1", server.port()};
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send_raw(request);
  CHECK(read_http(client).status == 200);
  raw_client other{"127.0.0.1", server.port()};
  other.send_raw(request);
  CHECK(read_http(other).status == 503);
  client.send_raw(request);
  CHECK(read_http(client).status == 200);
}

TEST_CASE("who asks again and again makes room for others, however quick it is", "[http][places]") {
  test_server server{with_places(4, 100ms)};
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<raw_client> busy;
  for (auto i = 0; i < 3; ++i)
    busy.emplace_back("127.0.0.1", server.port());
  const auto newcomer_is_served = [&] {
    for (auto& client : busy)
      if (client.send_raw(request))
        std::ignore = read_http(client);
    return http_request(server.port(), "GET", "/").status == 200;
  };
  CHECK(eventually(5s, newcomer_is_served));
  CHECK(server.listener.counters().crowded_out >= 1);
}

TEST_CASE("who finds no place but those of others is told so in TLS, too", "[tls][places]") {
  tls_server tls{with_places(2, 1h)};
  auto& server = tls.server;
  auto half = half_handshakes(server, 1, half_hello);
  CHECK(handshake_status(server, {}, true) == 503);
  CHECK(handshake_status(server, "good", true) == 101);
  CHECK(server.listener.counters().refused_reserved == 1);
}
