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

TEST_CASE("a disconnect means a user, a session or a token", "[admin]") {
  const auto session = broker::session_id::parse("00000000000000ff");
  broker::identity ann, anonymous;
  ann.user = "ann";
  ann.token_id = "t-1";
  const auto user = disconnect_order::parse(R"({"user":"ann"})");
  REQUIRE(user.has_value());
  CHECK(user->means(session, &ann));
  CHECK_FALSE(user->means(session, &anonymous));
  CHECK_FALSE(user->means(session, nullptr));
  CHECK_FALSE(user->reconnect);
  const auto one = disconnect_order::parse(R"({"session":"00000000000000ff","reconnect":true,"else":1})");
  REQUIRE(one.has_value());
  CHECK(one->means(session, nullptr));
  CHECK_FALSE(one->means(broker::session_id{1}, &ann));
  CHECK(one->reconnect);
  const auto token = disconnect_order::parse(R"({"token_id":"t-1"})");
  REQUIRE(token.has_value());
  CHECK(token->means(session, &ann));
  CHECK_FALSE(token->means(session, &anonymous));
  CHECK_FALSE(token->means(session, nullptr));
}

TEST_CASE("a disconnect that could mean anybody is refused", "[admin]") {
  for (auto text : {"", "[]", "7", "{", "{}x", "{\"user\":\"\xff\"}"})
    CHECK(why_not(text) == "the body is not a JSON object");
  for (auto text : {"{}", R"({"user":"a","session":"00000000000000ff"})", R"({"reconnect":true})"})
    CHECK(why_not(text).starts_with("exactly one of"));
  for (auto text : {R"({"user":""})", R"({"user":7})", R"({"user":null})"})
    CHECK(why_not(text).starts_with("field `user`"));
  for (auto text : {R"({"session":"ff"})", R"({"session":"0000000000000000"})", R"({"session":7})"})
    CHECK(why_not(text).starts_with("field `session`"));
  CHECK(why_not(R"({"user":"a","before":1767225600})") == "`before` is not offered by this version");
  CHECK(disconnect_order::parse(R"({"user":"a","before":1})").error().code == broker::errc::not_supported);
  CHECK(why_not(R"({"token_id":""})").starts_with("field `token_id`"));
  CHECK(why_not(R"({"user":"a","reconnect":1})").starts_with("field `reconnect`"));
  CHECK(why_not(R"({"user":"a","user":"b"})").starts_with("field `user` is there more than once"));
}
