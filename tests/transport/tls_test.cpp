#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/tls_server.hpp"

#include <cstdlib>
#include <fstream>

using namespace hubbub;
using namespace hubbub::tests;

TEST_CASE("WebSocket over TLS: messages of any length, pings, and the close", "[tls]") {
  transport::listener_options options;
  options.message_bytes = options.control_bytes = 1 << 20;
  tls_server tls{options};
  ws_client client{tls.server.port(), {.tls = true}};
  for (std::size_t n : {0, 1, 16'383, 16'384, 16'385, 65'536, 200'000}) {
    std::string text(n, 'x');
    REQUIRE(client.send_text(text));
    CHECK((client.read_message() == text));
  }
  client.send_raw(ws_client::frame(9, "p") + ws_client::frame(1, "a") + ws_client::frame(1, "b"));
  CHECK(client.read_frame()->payload == "p");
  CHECK(client.read_message() == "a");
  CHECK(client.read_message() == "b");
  tls.server.on_loop([&] { CHECK(tls.server.shown.tls); });
  CHECK(client.close(1000));
  CHECK(eventually(2s, [&] { return tls.server.closed == 1; }));
}

TEST_CASE("HTTP over TLS", "[tls]") {
  tls_server tls;
  auto answer = http_request(tls.server.port(), "POST", "/x", {}, std::string(100'000, 'b'), true);
  CHECK(answer.status == 200);
  CHECK(answer.body.size() == 100'009);
}

TEST_CASE("a renewed certificate is for new handshakes, open connections live on", "[tls]") {
  tls_server tls;
  ws_client before{tls.server.port(), {.tls = true}};
  CHECK(before.socket().certificate_subject() == "/CN=first");
  tls.certificate.renew("second");
  REQUIRE(tls.context->reload().has_value());
  ws_client after{tls.server.port(), {.tls = true}};
  CHECK(after.socket().certificate_subject() == "/CN=second");
  for (auto* client : {&before, &after}) {
    client->send_text("still here");
    CHECK(client->read_message() == "still here");
  }
}

TEST_CASE("a bad certificate is refused by name, and a good one stays", "[tls]") {
  tls_server tls;
  auto missing = transport::tls_context::load("/nowhere/c.pem", tls.certificate.key_file());
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message.find("/nowhere/c.pem") != std::string::npos);

  test_certificate other{"other"};
  auto mixed = transport::tls_context::load(tls.certificate.certificate_file(), other.key_file());
  REQUIRE_FALSE(mixed.has_value());
  CHECK(mixed.error().message.find(other.key_file()) != std::string::npos);

  // Nothing reads the terminal.
  const auto locked_file = other.key_file() + ".locked";
  const auto lock =
      "openssl pkcs8 -topk8 -passout pass:secret -in " + other.key_file() + " -out " + locked_file;
  REQUIRE(std::system(lock.c_str()) == 0);
  const auto locked = transport::tls_context::load(other.certificate_file(), locked_file);
  REQUIRE_FALSE(locked.has_value());
  CHECK(locked.error().message ==
        "the key " + locked_file + " is encrypted, and nobody is there to type its passphrase");

  const auto locked_chain = other.locked_certificate_file();
  const auto no_chain = transport::tls_context::load(locked_chain, other.key_file());
  REQUIRE_FALSE(no_chain.has_value());
  CHECK(no_chain.error().message ==
        "the certificate " + locked_chain + " is encrypted, and nobody is there to type its passphrase");

  std::ofstream{tls.certificate.certificate_file()} << "nonsense";
  CHECK_FALSE(tls.context->reload().has_value());
  ws_client client{tls.server.port(), {.tls = true}};
  CHECK(client.socket().certificate_subject() == "/CN=first");
}

TEST_CASE("a TLS handshake must come, and in time", "[tls]") {
  transport::listener_options options;
  options.handshake_within = 300ms;
  tls_server tls{options};
  raw_client client{"127.0.0.1", tls.server.port()};
  SECTION("silence") {
    CHECK(client.wait_for_end(2s));
    CHECK(tls.server.listener.counters().timed_out == 1);
  }
  SECTION("half a hello") {
    client.send_raw(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
    CHECK(client.wait_for_end(2s));
    CHECK(tls.server.listener.counters().timed_out == 1);
  }
  SECTION("plain HTTP") {
    client.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.wait_for_end(2s));
    CHECK(tls.server.listener.counters().tls_failed == 1);
  }
  CHECK(eventually(2s, [&] { return tls.server.gone == 1; }));
}

TEST_CASE("a TLS client that vanishes is forgotten", "[tls]") {
  tls_server tls;
  for (bool reset : {false, true}) {
    const auto before = tls.server.closed.load();
    ws_client client{tls.server.port(), {.tls = true}};
    client.send_raw(ws_client::frame(1, std::string(5000, 'a')).substr(0, 2500));
    client.socket().close(reset);
    CHECK(eventually(2s, [&] { return tls.server.closed == before + 1; }));
  }
}
