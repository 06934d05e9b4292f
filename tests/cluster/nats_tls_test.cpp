#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificate.hpp"

/// NATS is spoken to by TLS, and only with those who are who they say.
namespace hubbub::test {
namespace {

using tests::test_certificate;

/// A server whose certificate is for `localhost` and is its own authority.
struct tls_fixture {
  explicit tls_fixture(const std::string& more = {})
      : server{"tls { cert_file: \"" + own.certificate_file() + "\", key_file: \"" + own.key_file() + "\"" +
               more + " }"} {
    node.options.servers = {at("localhost")};
    node.options.timeout = 5s;
    node.options.tls.authorities = own.certificate_file();
  }
  [[nodiscard]] std::string at(const std::string& host) const {
    return "tls://" + host + ':' + std::to_string(server.port());
  }
  std::string refused() {
    const auto bus = node.try_open();
    return bus ? "opened" : bus.error().message;
  }
  [[nodiscard]] std::string cannot(const std::string& host, const std::string& why) const {
    return "cannot use NATS at " + at(host) + ": " + why;
  }

  test_certificate own;
  nats_server server;
  nats_node node;
};

/// One that wants to know who its clients are.
struct verifying_fixture {
  test_certificate client{"n1"};
  tls_fixture tls{", ca_file: \"" + client.certificate_file() + "\", verify: true"};
};

TEST_CASE_METHOD(tls_fixture, "a server whose certificate counts is used over TLS", "[nats][tls]") {
  node.open();
  room_double chat{*node.bus, "chat.1"};
  chat.keep("1");
  CHECK(node.bus->health().code == broker::errc::ok);
  // A file with authorities demands TLS, whatever the URL says.
  nats_node plain;
  plain.options.servers = {"nats://localhost:" + std::to_string(server.port())};
  plain.options.tls.authorities = own.certificate_file();
  plain.open();
  CHECK(plain.bus->health().code == broker::errc::ok);
}

TEST_CASE_METHOD(tls_fixture, "a server that another authority vouches for is refused in a sentence",
                 "[nats][tls]") {
  const test_certificate other{"other"};
  for (const auto& authorities : {other.certificate_file(), std::string{}}) {
    node.options.tls.authorities = authorities;
    const auto why = refused();
    CHECK_THAT(why, Catch::Matchers::StartsWith(cannot("localhost", "its certificate is not accepted: ")));
    CHECK_THAT(why, Catch::Matchers::Contains("nats.tls_ca"));
  }
}

TEST_CASE_METHOD(tls_fixture, "a server with another name than its URL's is refused in a sentence",
                 "[nats][tls]") {
  node.options.servers = {at("127.0.0.1")};
  CHECK(refused() == cannot("127.0.0.1", "its certificate is not accepted: IP address mismatch (it is for "
                                         "another name than the URL's)"));
}

TEST_CASE_METHOD(verifying_fixture, "a server that wants a client certificate gets it", "[nats][tls]") {
  tls.node.options.tls.certificate = client.certificate_file();
  tls.node.options.tls.key = client.key_file();
  tls.node.open();
  room_double chat{*tls.node.bus, "chat.1"};
  chat.keep("1");
}

TEST_CASE_METHOD(verifying_fixture, "a server that wants another client certificate says so", "[nats][tls]") {
  CHECK(tls.refused() == tls.cannot("localhost", "it ended the TLS connection, as servers do that demand a "
                                                 "client certificate (nats.tls_cert)"));
  const test_certificate stranger{"n1"};
  tls.node.options.tls.certificate = stranger.certificate_file();
  tls.node.options.tls.key = stranger.key_file();
  CHECK_THAT(tls.refused(), Catch::Matchers::StartsWith(tls.cannot(
                                "localhost", "it ended the TLS connection: it does not accept the client")));
}

TEST_CASE("a server without TLS is not spoken to where TLS is demanded", "[nats][tls]") {
  nats_server server;
  nats_node node;
  // A single URL that says so speaks for all.
  node.options.servers = {server.url()};
  node.options.tls.required = true;
  const auto bus = node.try_open();
  REQUIRE_FALSE(bus.has_value());
  CHECK(bus.error().message == "cannot use NATS at " + server.url() + ": it has no TLS");
}

} // namespace
} // namespace hubbub::test
