#include "broker/revocation.hpp"
#include "broker/revoked_list.hpp"

#include "tests/support/catch.hpp"

using namespace hubbub::broker;
using namespace std::chrono_literals;

namespace {

const session_id one_session{0xff};
constexpr std::int64_t january = 1'767'225'600'000;

identity ann() {
  identity who;
  who.user = "ann";
  who.token_id = "t-1";
  who.issued_ms = january;
  return who;
}

revocation read(std::string_view json) {
  auto r = read_revocation(json);
  CAPTURE(json);
  REQUIRE(r.has_value());
  return *r;
}

std::string why_not(std::string_view json) {
  const auto r = read_revocation(json);
  return r ? "" : r.error().message;
}

} // namespace

TEST_CASE("a revocation means a user, a session or a token", "[revocations]") {
  const auto who = ann();
  const identity anonymous;
  const auto user = read(R"({"user":"ann"})");
  CHECK(user.means(one_session, &who));
  CHECK_FALSE(user.means(one_session, &anonymous));
  CHECK_FALSE(user.means(one_session, nullptr));
  const auto one = read(R"({"session":"00000000000000ff","else":1})");
  CHECK(one.means(one_session, nullptr));
  CHECK_FALSE(one.means({1}, &who));
  const auto token = read(R"({"token_id":"t-1"})");
  CHECK(token.means(one_session, &who));
  CHECK_FALSE(token.means(one_session, &anonymous));
  CHECK_FALSE(token.means(one_session, nullptr));
}

TEST_CASE("a revocation with a time means only what was issued before", "[revocations]") {
  const auto before = [](std::int64_t ms) {
    return read(R"({"user":"ann","before":)" + std::to_string(ms) + "}");
  };
  auto who = ann();
  CHECK(before(january + 1).means(one_session, &who));
  CHECK_FALSE(before(january).means(one_session, &who));
  who.issued_ms = 0; // nobody knows
  CHECK(before(january).means(one_session, &who));
  CHECK_FALSE(before(january).means(one_session, nullptr));
}

TEST_CASE("a revocation that could mean anybody is refused", "[revocations]") {
  for (auto text : {"", "[]", "7", "{", "{}x", "{\"user\":\"\xff\"}"})
    CHECK(why_not(text) == "the body is not a JSON object");
  for (auto text : {"{}", R"({"user":"a","session":"00000000000000ff"})", R"({"before":1767225600000})"})
    CHECK(why_not(text).starts_with("exactly one of"));
  for (auto text : {R"({"user":""})", R"({"user":7})", R"({"user":null})"})
    CHECK(why_not(text).starts_with("field `user`"));
  for (auto text : {R"({"session":"ff"})", R"({"session":"0000000000000000"})", R"({"session":7})"})
    CHECK(why_not(text).starts_with("field `session`"));
  CHECK(why_not(R"({"token_id":")" + std::string(129, 'x') + "\"}").starts_with("field `token_id`"));
  // Seconds would mean nobody.
  for (auto text : {R"({"user":"a","before":1767225600})", R"({"user":"a","before":"now"})",
                    R"({"user":"a","before":1.5})", R"({"user":"a","before":-1767225600000})"})
    CHECK(why_not(text) == "field `before` must be a time in milliseconds since 1970");
  CHECK(why_not(R"({"user":"a","user":"b"})") == "field `user` is there more than once");
}

TEST_CASE("a revocation that was written is read as it was", "[revocations]") {
  for (auto text : {R"({"user":"a\"b"})", R"({"session":"00000000000000ff","before":1767225600000})",
                    R"({"token_id":"t","before":1767225600000,"made":1767225600001})"})
    CHECK(write_revocation(read(text)) == text);
}

TEST_CASE("a list of revocations knows whom they mean, for as long as they are kept", "[revocations]") {
  manual_clock time;
  revoked_list list{1h, time};
  std::vector<revocation> told;
  list.observe([&](const revocation& r) { told.push_back(r); });
  auto who = ann();
  CHECK_FALSE(list.has(one_session, who));
  using outcome = revoked_list::outcome;
  CHECK(list.put({.user = "ann"}) == outcome::added);
  CHECK(list.put({.user = "ann"}) == outcome::known);
  CHECK(list.has(one_session, who));
  CHECK(list.put({.session = one_session}) == outcome::added);
  CHECK(list.put({.token_id = "t-9"}) == outcome::added);
  CHECK(list.size() == 3);
  CHECK(told.size() == 3);
  who.user = "bob";
  CHECK(list.has(one_session, who));
  CHECK_FALSE(list.has({1}, who));
  who.token_id = "t-9";
  CHECK(list.has({1}, who));
  time.advance(59min);
  CHECK(list.put({.token_id = "t-9"}) == outcome::known); // and begins again
  time.advance(2min);
  CHECK_FALSE(list.has(one_session, ann()));
  CHECK(list.has({1}, who));
  list.put({.user = "new"});
  CHECK(list.size() == 2);
  CHECK(list.put({.user = "old", .made_ms = time.unix_ms() - 3'600'000}) == outcome::expired);
}

TEST_CASE("a revocation takes back nothing of an earlier one", "[revocations]") {
  manual_clock time;
  revoked_list list{1h, time};
  const auto who = ann();
  list.put({.user = "ann", .before_ms = january});
  CHECK_FALSE(list.has(one_session, who));
  list.put({.user = "ann", .before_ms = january + 1});
  CHECK(list.has(one_session, who));
  list.put({.user = "ann", .before_ms = january});
  CHECK(list.has(one_session, who));
  CHECK(list.joined_with({.user = "ann", .before_ms = 1}).before_ms == january + 1);
  list.put({.user = "ann"});
  list.put({.user = "ann", .before_ms = january});
  CHECK(list.all().at(0).before_ms == 0);
  list.remove({.user = "ann"});
  CHECK_FALSE(list.has(one_session, who));
  CHECK(list.size() == 0);
}

TEST_CASE("a list of revocations is bounded, and says so", "[revocations]") {
  manual_clock time;
  revoked_list list{1h, time, 2};
  list.put({.user = "a"});
  list.put({.user = "b"});
  CHECK(list.put({.user = "c"}) == revoked_list::outcome::full);
  CHECK_FALSE(list.has_room_for({.user = "c"}));
  CHECK(list.has_room_for({.user = "b"}));
  CHECK(list.size() == 2);
  time.advance(2h);
  CHECK(list.put({.user = "c"}) == revoked_list::outcome::added);
}

TEST_CASE("revocations that are over leave their places to others", "[revocations]") {
  manual_clock time;
  time.advance(24h);
  revoked_list list{1h, time, 2};
  list.put({.user = "a"});
  time.advance(10s);
  list.put({.user = "b"});
  time.advance(1h - 5s);
  // Who asks before putting must not be told that it is full for ever.
  CHECK(list.has_room_for({.user = "c"}));
  CHECK(list.put({.user = "c"}) == revoked_list::outcome::added);
  CHECK_FALSE(list.has_room_for({.user = "a"}));
  CHECK(list.has_room_for({.user = "b"}));
}

TEST_CASE("a revocation that is over says nothing of one that follows", "[revocations]") {
  manual_clock time;
  time.advance(24h);
  revoked_list list{1h, time};
  std::vector<revocation> told;
  list.observe([&](const revocation& r) { told.push_back(r); });
  list.put({.user = "ann"});
  time.advance(1h - 1s);
  list.put({.user = "swept a moment before"});
  time.advance(1s);
  CHECK(list.all().size() == 1);
  // It meant all of her tokens; the new one means some.
  const revocation some{.user = "ann", .before_ms = january, .made_ms = time.unix_ms()};
  CHECK(list.joined_with(some) == some);
  CHECK(list.put(some) == revoked_list::outcome::added);
  REQUIRE(told.size() == 3);
  CHECK(told[2] == some);
  CHECK_FALSE(list.has(one_session, ann()));
}

TEST_CASE("whom a revocation meant that is over is told of again", "[revocations]") {
  manual_clock time;
  time.advance(24h);
  revoked_list list{1h, time};
  auto told = 0;
  list.observe([&](const revocation&) { ++told; });
  list.put({.user = "ann"});
  time.advance(1h - 1s);
  list.put({.user = "swept a moment before"});
  time.advance(1s);
  CHECK(list.put({.user = "ann"}) == revoked_list::outcome::added);
  CHECK(told == 3);
  CHECK(list.has(one_session, ann()));
  CHECK(list.size() == 2);
}
