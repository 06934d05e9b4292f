#include "broker/daemon/disconnect_order.hpp"

#include "tests/support/catch.hpp"

using namespace hubbub;
using daemon::disconnect_order;

namespace {

std::string why_not(std::string_view json) {
  const auto order = disconnect_order::parse(json);
  return order ? "" : order.error().message;
}

} // namespace

// Whom an order may name is tested with revocations, which name them in the same way.
TEST_CASE("a disconnect says whom it means, and whether they may come back", "[admin]") {
  const auto order = disconnect_order::parse(R"({"user":"ann","before":1767225600000})");
  REQUIRE(order.has_value());
  CHECK(order->whom.user == "ann");
  CHECK(order->whom.before_ms == 1'767'225'600'000);
  CHECK_FALSE(order->reconnect);
  CHECK_FALSE(order->goodbye().reconnect());
  const auto one = disconnect_order::parse(R"({"session":"00000000000000ff","reconnect":true})");
  REQUIRE(one.has_value());
  CHECK(one->reconnect);
  CHECK(one->goodbye().reconnect());
}

TEST_CASE("a disconnect that could mean anybody is refused", "[admin]") {
  for (auto text : {"", "[]", "{"})
    CHECK(why_not(text) == "the body is not a JSON object");
  CHECK(why_not(R"({"reconnect":true})").starts_with("exactly one of"));
  CHECK(why_not(R"({"user":"a","before":1767225600})").starts_with("field `before`"));
  CHECK(why_not(R"({"user":"a","reconnect":1})").starts_with("field `reconnect`"));
  CHECK(why_not(R"({"user":"a","reconnect":true,"reconnect":false})").starts_with("field `reconnect`"));
}
