#include "actors/counted_address.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <string_view>

using hubbub::actors::counted_address;

namespace {

std::string counted(std::string_view address) { return std::string{counted_address{address}.str()}; }

} // namespace

TEST_CASE("an IPv4 address counts as a whole, however it is written", "[limits]") {
  CHECK(counted("192.0.2.1") == "192.0.2.1");
  CHECK(counted("192.0.2.2") == "192.0.2.2");
  CHECK(counted("::ffff:192.0.2.1") == "192.0.2.1");
  CHECK(counted("::ffff:c000:201") == "192.0.2.1");
}

TEST_CASE("all IPv6 addresses of one network count as one", "[limits]") {
  CHECK(counted("2001:db8:1:2::1") == "2001:db8:1:2::/64");
  CHECK(counted("2001:db8:1:2:ffff:ffff:ffff:ffff") == "2001:db8:1:2::/64");
  CHECK(counted("2001:DB8:1:2:0:0:0:1") == "2001:db8:1:2::/64");
  CHECK(counted("2001:db8:1:3::1") == "2001:db8:1:3::/64");
  CHECK(counted("2001:db8::1") == "2001:db8::/64");
  CHECK(counted("::1") == "::/64");
  CHECK(counted("fe80::1%eth0") == "fe80::/64");
  CHECK(counted("fe80::2%eth1") == "fe80::/64");
  CHECK(counted("1111:2222:3333:4444:5555:6666:7777:8888") == "1111:2222:3333:4444::/64");
}

TEST_CASE("what is no address counts as it is", "[limits]") {
  CHECK(counted("").empty());
  for (auto text : {"unix", "1:2", "::ffff:192.0.2.256", "2001:db8:::1", "12345::1", "%", ":%"})
    CHECK(counted(text) == text);
  // Never longer than what there is room for.
  CHECK(counted(std::string(1000, ':')).size() == 64);
}
