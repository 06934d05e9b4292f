#include "broker/daemon/http_query.hpp"

#include "tests/support/catch.hpp"

using namespace hubbub::daemon;

TEST_CASE("a query is names and values", "[http]") {
  auto q = query_parameters::parse("prefix=chat.&limit=10&name=a+b%26c&empty=&flag");
  REQUIRE(q);
  CHECK(*q->find("prefix") == "chat.");
  CHECK(*q->find("name") == "a b&c");
  CHECK(q->find("empty")->empty());
  CHECK(q->find("flag")->empty());
  CHECK(q->find("other") == nullptr);
  CHECK(q->number("limit", 7) == 10);
  CHECK(q->number("other", 7) == 7);
  CHECK_FALSE(q->number("prefix", 7));
  CHECK_FALSE(q->number("empty", 7));
  REQUIRE(query_parameters::parse(""));
  CHECK(*query_parameters::parse("a=1&&b=x=y")->find("b") == "x=y");
}

TEST_CASE("a query that could be read in two ways is refused", "[http]") {
  CHECK_FALSE(query_parameters::parse("a=1&a=2"));
  CHECK_FALSE(query_parameters::parse("a=%"));
  CHECK_FALSE(query_parameters::parse("%zz=1"));
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += "k" + std::to_string(i) + "=1&";
  CHECK_FALSE(query_parameters::parse(many));
  for (auto text : {"-1", "+1", "1.5", " 1", "0x1", "18446744073709551616", "1a"})
    CHECK_FALSE(query_parameters::parse("n=" + std::string{text})->number("n", 0));
}

TEST_CASE("a path fits its pattern segment by segment, decoded after it was divided", "[http]") {
  const auto history = "/v1/rooms/{}/history";
  CHECK(match_path(history, "/v1/rooms/chat.42/history") == std::vector<std::string>{"chat.42"});
  CHECK(match_path(history, "/v1/rooms/chat.a%2Fb/history") == std::vector<std::string>{"chat.a/b"});
  CHECK(match_path("/v1/rooms", "/v1/rooms") == std::vector<std::string>{});
  for (auto path :
       {"", "/", "/v1/rooms", "/v1/rooms/chat.42", "/v1/rooms//history", "/v1/rooms/chat.42/history/",
        "/v1/rooms/a/b/history", "/v1/rooms/%/history", "/v1/rooms/chat.42/presence", "v1/rooms/a/history"})
    CHECK_FALSE(match_path(history, path));
}
