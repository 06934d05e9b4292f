#include "broker/grants.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;
using namespace std::string_literals;

namespace {

struct row {
  const char* pattern;
  const char* room;
  bool matches;
};

room_pattern pattern(std::string_view text) { return *room_pattern::parse(text); }

} // namespace

TEST_CASE("a pattern matches rooms token by token", "[grants]") {
  const auto r = GENERATE(values<row>({
      {"chat.42", "chat.42", true},
      {"chat.42", "chat.43", false},
      {"chat.42", "chat.421", false},
      {"chat.42", "chat.4", false},
      {"chat.42", "chat.42.x", false},
      {"chat.42.x", "chat.42", false},
      {"chat.*", "chat.42", true},
      {"chat.*", "chat.42.x", false},
      {"chat.*", "chat", false},
      {"chat.*", "chats.42", false},
      {"*.42", "chat.42", true},
      {"*.42", "a.b.42", false},
      {"a.*.c", "a.b.c", true},
      {"a.*.c", "a.b.d", false},
      {"a.*.c", "a.c", false},
      {"*.*", "a.b", true},
      {"*.*", "a.b.c", false},
      {"chat.>", "chat.42", true},
      {"chat.>", "chat.42.x.y", true},
      {"chat.>", "chat", false},
      {"chat.>", "chatter.42", false},
      {">", "a.b", true},
      {">", "a.b.c.d", true},
      {">", "", false},
      {"*.>", "a.b", true},
      {"*.b.>", "a.b.c", true},
      {"*.b.>", "a.b", false},
      {"chat.42", "", false},
  }));
  CAPTURE(r.pattern, r.room);
  CHECK(pattern(r.pattern).matches(r.room) == r.matches);
}

TEST_CASE("what is no pattern is refused", "[grants]") {
  const auto text = GENERATE(as<std::string>{}, "", ".", "a.", ".a", "a..b", "a.b.", "chat", "*", ">.a",
                             "a.>.b", "chat.4*", "ch*.a", "a.>>", "a.b c", "a.b\n", "a=b.*", "a.\0"s,
                             std::string(65, 'n') + ".*", "n." + std::string(254, 'x'));
  CAPTURE(text);
  const auto made = room_pattern::parse(text);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == errc::bad_room);
  CHECK_FALSE(made.error().message.empty());
}

TEST_CASE("a pattern that was never parsed matches nothing", "[grants]") {
  CHECK_FALSE(room_pattern{}.matches("a.b"));
  CHECK_FALSE(room_pattern{}.matches(""));
}

TEST_CASE("rights are the union of all patterns that match", "[grants]") {
  grants g;
  CHECK(g.empty());
  CHECK(g.on("chat.42") == right::none);
  g.add(pattern("chat.>"), right::join | right::history);
  g.add(pattern("chat.42"), right::publish);
  g.add(pattern("orders.*"), right::call);
  CHECK_FALSE(g.empty());
  CHECK(g.on("chat.42") == (right::join | right::history | right::publish));
  CHECK(g.on("chat.43") == (right::join | right::history));
  CHECK(g.on("orders.new") == right::call);
  CHECK(g.on("orders.eu.new") == right::none);
  CHECK(g.on("live.x") == right::none);
}
