#include "broker/daemon/endpoint.hpp"
#include "broker/daemon/origin.hpp"

#include "tests/support/catch.hpp"

using namespace hubbub::daemon;
using hubbub::broker::errc;

TEST_CASE("an origin is a scheme, a host and perhaps a port", "[origin]") {
  CHECK(normal_origin("https://App.Example.com") == "https://app.example.com");
  CHECK(normal_origin("https://app.example.com:443") == "https://app.example.com");
  CHECK(normal_origin("http://app.example.com:443") == "http://app.example.com:443");
  CHECK(normal_origin("http://[::1]:3000") == "http://[::1]:3000");
  for (auto text : {"", "null", "app.example.com", "ftp://a", "https://", "https://a/", "https://a/b",
                    "https://a?b", "https://u@a", "https://a:", "https://a:x", "https://a:70000",
                    "https://a b", "https://[::1", "https://a,https://b", "https://*.example.com"})
    CHECK_FALSE(normal_origin(text));
}

TEST_CASE("only names of this machine are loopback hosts", "[origin]") {
  for (auto text : {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"})
    CHECK(is_loopback_host(text));
  for (auto text : {"", "localhost.example.com", "localhost:x", "127.0.0.1.example.com", "example.com", "::1",
                    "127.0.0.2", "0.0.0.0", "localhost@evil.com", "evil.com#localhost", "[::1].evil.com",
                    "localhost:8080@evil.com"})
    CHECK_FALSE(is_loopback_host(text));
}

TEST_CASE("in dev mode pages of elsewhere and foreign hosts are refused", "[origin]") {
  origin_rules dev{true, {}};
  CHECK(dev.check("", "localhost:8080").code == errc::ok);
  CHECK(dev.check("http://localhost:3000", "127.0.0.1:8080").code == errc::ok);
  CHECK(dev.check("http://[::1]:3000", "[::1]:8080").code == errc::ok);
  CHECK(dev.check("https://evil.example", "localhost:8080").code == errc::forbidden);
  CHECK(dev.check("null", "localhost:8080").code == errc::forbidden);
  // A name of the attacker's that resolves to 127.0.0.1 (DNS rebinding).
  CHECK(dev.check("http://rebound.example:8080", "rebound.example:8080").code == errc::forbidden);
  CHECK(dev.check("", "rebound.example:8080").code == errc::forbidden);
  CHECK(dev.check("", "").code == errc::forbidden);
}

TEST_CASE("with a list only its origins are welcome, and programs, which have none", "[origin]") {
  origin_rules rules{false, {"https://app.example.com"}};
  CHECK(rules.check("https://app.example.com", "broker.example.com").code == errc::ok);
  CHECK(rules.check("https://APP.example.com:443", "broker.example.com").code == errc::ok);
  CHECK(rules.check("", "broker.example.com").code == errc::ok);
  CHECK(rules.check("http://app.example.com", "broker.example.com").code == errc::forbidden);
  CHECK(rules.check("https://app.example.com.evil.example", "broker.example.com").code == errc::forbidden);
  CHECK(rules.check("null", "broker.example.com").code == errc::forbidden);
  auto why = rules.check("https://e\r\nvil", "h");
  CHECK(why.message == "the origin https://e??vil is not in auth.origins");
}

TEST_CASE("without a list every origin is welcome, as tokens decide", "[origin]") {
  origin_rules rules{false, {}};
  CHECK(rules.check("https://anything.example", "broker.example.com").code == errc::ok);
}

TEST_CASE("a cookie counts only for an origin of the list", "[origin]") {
  origin_rules listed{false, {"https://app.example.com"}};
  CHECK(listed.cookie_counts("https://app.example.com"));
  CHECK_FALSE(listed.cookie_counts(""));
  CHECK_FALSE(listed.cookie_counts("https://evil.example"));
  CHECK_FALSE(origin_rules{false, {}}.cookie_counts("https://app.example.com"));
  CHECK_FALSE(origin_rules{true, {}}.cookie_counts("http://localhost:8080"));
}

TEST_CASE("an endpoint is a numeric address and a port", "[origin]") {
  CHECK(endpoint::parse("127.0.0.1:8080") == endpoint{"127.0.0.1", 8080});
  CHECK(endpoint::parse("localhost:0") == endpoint{"127.0.0.1", 0});
  CHECK(endpoint::parse("[::]:80") == endpoint{"::", 80});
  CHECK(endpoint::parse("[::1]:80")->str() == "[::1]:80");
  CHECK(endpoint::parse("[::1]:80")->loopback());
  CHECK_FALSE(endpoint::parse("0.0.0.0:80")->loopback());
  for (auto text : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                    "::1:80", "[127.0.0.1]:80", "127.1:80", "127.0.0.1:80 ", "example.com:80"})
    CHECK_FALSE(endpoint::parse(text));
}
