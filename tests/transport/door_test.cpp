#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/tls_server.hpp"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

transport::listener_options refusing(std::uint32_t a_second) {
  transport::listener_options options;
  options.tls_refusals_per_second = a_second;
  return options;
}

/// What a client of TLS says first, made by one.
std::string client_hello() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free};
  const std::unique_ptr<SSL, decltype(&SSL_free)> session{SSL_new(context.get()), SSL_free};
  auto* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), out); // the session has both
  CHECK(SSL_connect(session.get()) == -1);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(out, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

/// What a client gets for its hello.
std::string answer_to_hello(test_server& server) {
  raw_client client{"127.0.0.1", server.port()};
  client.send_raw(client_hello());
  auto got = client.receive(5s);
  if (got.empty())
    CHECK(client.wait_for_end(5s));
  return got;
}

/// Is it served over TLS?
int status_over_tls(test_server& server) {
  try {
    return http_request(server.port(), "GET", "/", {}, {}, true).status;
  } catch (const std::runtime_error&) {
    return 0; // no handshake
  }
}

} // namespace

TEST_CASE("whose address comes too often is told so, and when to come again", "[http][limits]") {
  test_server server;
  server.door = broker::door::too_often;
  const auto answer = http_request(server.port(), "GET", "/");
  CHECK(answer.status == 429);
  CHECK(answer.header("Retry-After") == "1");
  CHECK(answer.body.find("\"code\":\"rate_limited\"") != answer.body.npos);
  CHECK(answer.body.find("\"retry_after_ms\":1000") != answer.body.npos);
  CHECK(server.listener.counters().refused_often == 1);
  CHECK(server.gone == 0);
}

TEST_CASE("whom the door is shut for gets no certificate", "[tls][limits]") {
  tls_server tls{refusing(0)};
  auto& counters = tls.server.listener.counters();
  REQUIRE_FALSE(answer_to_hello(tls.server).empty()); // as long as it is open
  for (const auto what : {broker::door::full, broker::door::too_often, broker::door::before_tls}) {
    tls.server.door = what;
    for (auto i = 0; i < 3; ++i)
      CHECK(answer_to_hello(tls.server).empty());
  }
  CHECK(counters.refused_busy == 3);
  CHECK(counters.refused_often == 3);
  CHECK(counters.refused_before_tls == 3);
  tls.server.door = broker::door::open;
  CHECK(status_over_tls(tls.server) == 200);
}

TEST_CASE("of those whom the door is shut for a few in a second are told so over TLS", "[tls][limits]") {
  tls_server tls{refusing(2)};
  tls.server.door = broker::door::full;
  const auto begun = std::chrono::steady_clock::now();
  auto told = 0, closed = 0;
  for (auto i = 0; i < 20; ++i) {
    const auto status = status_over_tls(tls.server);
    CHECK((status == 0 || status == 503));
    ++(status == 503 ? told : closed);
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  CHECK(told >= 2);
  CHECK(told <= 3 + 2 * took);
  const auto& counters = tls.server.listener.counters();
  CHECK(counters.refused_busy == 20);
  CHECK(counters.http_requests == 0);
  CHECK(tls.server.gone == 0);
  CHECK(eventually(5s, [&] { return counters.half_open == 0; }));
  CHECK(counters.turning_away == 0);
}

TEST_CASE("who is to be told over TLS and does not go on with it is closed soon, and counted once",
          "[tls][limits]") {
  tls_server tls{refusing(10)};
  tls.server.door = broker::door::before_tls;
  const auto& counters = tls.server.listener.counters();
  raw_client silent{"127.0.0.1", tls.server.port()};
  raw_client plain{"127.0.0.1", tls.server.port()};
  plain.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(plain.wait_for_end(5s));
  CHECK(silent.wait_for_end(5s));
  CHECK(eventually(5s, [&] { return counters.half_open == 0; }));
  CHECK(counters.turning_away == 0);
  CHECK(counters.refused_before_tls == 2);
  CHECK(counters.tls_failed == 0);
  CHECK(counters.timed_out == 0);
}
