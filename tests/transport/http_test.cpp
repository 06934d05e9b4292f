#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"
#include "transport/http_text.hpp"

using namespace hubbub;
using namespace hubbub::tests;

TEST_CASE("requests are answered one after another on one connection", "[http]") {
  test_server server;
  raw_client client{"127.0.0.1", server.port()};
  for (int i = 0; i < 3; ++i) {
    client.send_raw("GET /healthz?n=" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    auto answer = read_http(client);
    CHECK(answer.status == 200);
    CHECK(answer.body == "GET /healthz?n=" + std::to_string(i) + ' ');
    CHECK(answer.header("Content-Type") == "text/plain");
  }
  CHECK(server.listener.counters().accepted == 1);
  CHECK(server.listener.counters().http_requests == 3);
}

TEST_CASE("pipelined requests are answered in order, even when answers come late", "[http]") {
  test_server server;
  std::vector<std::thread> answering;
  const bool late = GENERATE(false, true);
  if (late)
    server.on_request = [&](broker::http_request request, std::function<void(broker::http_response)> done) {
      answering.emplace_back([body = request.path + "? " + request.body, done = std::move(done)] {
        std::this_thread::sleep_for(1ms);
        broker::http_response response;
        response.body = "POST " + body;
        done(std::move(response));
      });
    };
  raw_client client{"127.0.0.1", server.port()};
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += "POST /p" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
  client.send_raw(all);
  for (int i = 0; i < 50; ++i) {
    auto answer = read_http(client);
    REQUIRE(answer.status == 200);
    CHECK(answer.body == "POST /p" + std::to_string(i) + "? body");
  }
  server.stop();
  for (auto& thread : answering)
    thread.join();
}

TEST_CASE("an answer for a client that has gone, or a loop that has ended, is dropped", "[http]") {
  std::function<void(broker::http_response)> late;
  std::atomic<bool> asked = false;
  {
    test_server server;
    server.on_request = [&](broker::http_request, std::function<void(broker::http_response)> done) {
      late = std::move(done);
      asked = true;
    };
    raw_client client{"127.0.0.1", server.port()};
    client.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(eventually(2s, [&] { return asked.load(); }));
    client.close(true);
    CHECK(eventually(2s, [&] { return server.gone == 1; }));
    late({});
  }
  late({});
}

TEST_CASE("a request's parts reach the handler", "[http]") {
  test_server server;
  auto answer =
      http_request(server.port(), "POST", "/v1/publish?a=%20b",
                   {"Authorization: Bearer k", "Content-Type: application/json", "Origin: http://o"}, "[1]");
  CHECK(answer.status == 200);
  server.on_loop([&] {
    REQUIRE(server.requests.size() == 1);
    const auto& r = server.requests[0];
    CHECK(r.method == "POST");
    CHECK(r.path == "/v1/publish");
    CHECK(r.query == "a=%20b");
    CHECK(r.authorization == "Bearer k");
    CHECK(r.content_type == "application/json");
    CHECK(r.origin == "http://o");
    CHECK(r.host == "127.0.0.1:" + std::to_string(server.port()));
    CHECK(r.body == "[1]");
    CHECK(r.remote_address == "127.0.0.1");
  });
}

TEST_CASE("bodies may come in chunks, or after a 100", "[http]") {
  test_server server;
  raw_client client{"127.0.0.1", server.port()};
  client.send_raw(
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  CHECK(read_http(client).body == "POST /c? abcde");
  client.send_raw("POST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive_until("\r\n\r\n", 2s) == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send_raw("hello");
  CHECK(read_http(client).body == "POST /d? hello");
}

TEST_CASE("HEAD has no body, HTTP/1.0 and Connection: close end the connection", "[http]") {
  test_server server;
  raw_client client{"127.0.0.1", server.port()};
  client.send_raw("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  auto head = read_http(client, 2s, true);
  CHECK(head.status == 200);
  CHECK(head.header("Content-Length") == std::to_string(std::string{"HEAD /h? "}.size()));
  client.send_raw("GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(read_http(client).body == "GET /after? ");
  CHECK(client.wait_for_end(2s));

  raw_client old{"127.0.0.1", server.port()};
  old.send_raw("GET /old HTTP/1.0\r\n\r\n");
  auto answer = read_http(old);
  CHECK(answer.body == "GET /old? ");
  CHECK(answer.header("Connection") == "close");
  CHECK(old.wait_for_end(2s));
}

TEST_CASE("a large answer reaches a slow reader whole", "[http]") {
  transport::listener_options options;
  options.send_buffer_bytes = 4608;
  test_server server{options};
  server.on_request = [](broker::http_request, std::function<void(broker::http_response)> done) {
    broker::http_response response;
    for (int i = 0; i < 200'000; ++i)
      response.body += std::to_string(i);
    done(std::move(response));
  };
  raw_client client{"127.0.0.1", server.port(), false, 2048};
  client.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto answer = read_http(client, 20s);
  std::string expected;
  for (int i = 0; i < 200'000; ++i)
    expected += std::to_string(i);
  CHECK((answer.body == expected));
}

TEST_CASE("what is not a good request is refused by name", "[http]") {
  transport::listener_options options;
  options.http_body_bytes = 1000;
  test_server server{options};
  raw_client client{"127.0.0.1", server.port()};
  int status = 400;
  SECTION("nonsense") { client.send_raw("\x16\x03\x01\x02\x00 what\r\n\r\n"); }
  SECTION("a header that never ends") {
    status = 431;
    client.send_raw("GET / HTTP/1.1\r\nCookie: " + std::string(20'000, 'c'));
  }
  SECTION("many headers") {
    status = 431;
    std::string lines;
    for (int i = 0; i < 2000; ++i)
      lines += "X-" + std::to_string(i) + ": value\r\n";
    client.send_raw("GET / HTTP/1.1\r\n" + lines);
  }
  SECTION("a body that is too large") {
    status = 413;
    client.send_raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
  }
  SECTION("a chunked body that is too large") {
    status = 413;
    client.send_raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                    std::string(2000, 'x'));
  }
  SECTION("a chunk's extension that never ends") {
    status = 431;
    client.send_raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x=" +
                    std::string(100'000, 'x'));
  }
  SECTION("trailers that never end") {
    status = 431;
    client.send_raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " +
                    std::string(100'000, 'x'));
  }
  SECTION("two lengths") {
    client.send_raw("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
  }
  SECTION("a transfer coding that does not say where the body ends") {
    // The body must not be taken for the next request.
    const std::string codings =
        GENERATE("gzip", "identity", "chunked, gzip", "chunked, chunked", "gzip chunked", "xchunked", "",
                 "gzip\r\nTransfer-Encoding: identity");
    client.send_raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + codings +
                    "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  SECTION("a transfer coding beside a length") {
    client.send_raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody"
                    "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  SECTION("transfer codings in two fields") {
    client.send_raw(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  auto answer = read_http(client);
  CHECK(answer.status == status);
  CHECK(answer.body.starts_with("{\"code\":\""));
  CHECK(answer.header("Connection") == "close");
  CHECK(client.wait_for_end(3s));
  CHECK(server.listener.counters().bad_requests == 1);
  CHECK(server.listener.counters().http_requests == 0);
}

TEST_CASE("a request must come in time, however it drips", "[http]") {
  transport::listener_options options;
  options.handshake_within = 300ms;
  options.keep_alive = 300ms;
  test_server server{options};
  raw_client client{"127.0.0.1", server.port()};
  SECTION("nothing at all") { CHECK(client.wait_for_end(2s)); }
  SECTION("half a request") {
    client.send_raw("GET /v1/ws HTTP/1.1\r\nHost");
    CHECK(read_http(client, 2s).status == 408);
  }
  SECTION("a byte now and then") {
    const auto begun = std::chrono::steady_clock::now();
    std::string_view rest = "GET /v1/ws HTTP/1.1\r\nHost: a.very.long.name.that.comes.slowly\r\n\r\n";
    while (!rest.empty() && client.receive(40ms).empty() && !client.ended()) {
      client.send_raw(rest.substr(0, 1));
      rest.remove_prefix(1);
    }
    CHECK(std::chrono::steady_clock::now() - begun < 1500ms);
    CHECK(client.wait_for_end(2s));
  }
  SECTION("a body that never ends") {
    client.send_raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    CHECK(read_http(client, 2s).status == 408);
  }
  SECTION("no second request") {
    client.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(read_http(client).status == 200);
    CHECK(client.wait_for_end(2s));
    CHECK(server.listener.counters().timed_out == 0);
    return;
  }
  CHECK(server.listener.counters().timed_out == 1);
  CHECK(eventually(2s, [&] { return server.listener.counters().half_open == 0; }));
}

TEST_CASE("more requests than one turn looks at may be late at once", "[http]") {
  transport::listener_options options;
  options.handshake_within = 300ms;
  test_server server{options};
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 100; ++i)
    clients.push_back(std::make_unique<raw_client>("127.0.0.1", server.port()));
  for (auto& client : clients)
    CHECK(client->wait_for_end(2s));
  CHECK(server.listener.counters().timed_out == 100);
  raw_client later{"127.0.0.1", server.port()};
  CHECK(later.wait_for_end(2s));
  CHECK(server.listener.counters().timed_out == 101);
  CHECK(eventually(2s, [&] { return server.listener.counters().half_open == 0; }));
}

TEST_CASE("an address that may not connect gets a short 503", "[http]") {
  test_server server;
  server.door = broker::door::full;
  auto answer = http_request(server.port(), "GET", "/");
  CHECK(answer.status == 503);
  CHECK(answer.header("Retry-After") == "1");
  CHECK(server.listener.counters().refused_busy == 1);
  CHECK(server.gone == 0);
}

TEST_CASE("no more than a hundred at a time are told why they may not connect", "[http]") {
  test_server server;
  server.door = broker::door::full;
  std::vector<raw_client> clients;
  for (int i = 0; i < 150; ++i)
    clients.emplace_back("127.0.0.1", server.port());
  CHECK(eventually(2s, [&] { return server.listener.counters().refused_busy == 150; }));
  int told = 0;
  for (auto& client : clients)
    told += read_http(client).status == 503;
  CHECK(told == 100);
  clients.clear();
  CHECK(eventually(3s, [&] { return server.listener.counters().turning_away == 0; }));
  CHECK(http_request(server.port(), "GET", "/").status == 503);
}

TEST_CASE("percent-encoding is undone, and broken encoding is nothing", "[http]") {
  CHECK(transport::percent_decode("chat.42") == "chat.42");
  CHECK(transport::percent_decode("a%2Fb%3d%20+") == "a/b= +");
  CHECK(transport::percent_decode("%00") == std::string(1, '\0'));
  for (auto text : {"%", "%2", "a%", "%zz", "%2g", "%-1", "%+1", "% 1", "%0x"})
    CHECK_FALSE(transport::percent_decode(text));
}
