#include "broker/room_name.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;
using namespace std::string_literals;

TEST_CASE("a room's name has two or more tokens divided by dots", "[room_name]") {
  const auto text = GENERATE(as<std::string>{}, "a.b", "chat.42", "orders.eu.1001", "A-z_0.x",
                             "n.a=b@c,d;e:f/g-_", std::string(64, 'n') + ".x", "n." + std::string(253, 'x'));
  const auto name = room_name::parse(text);
  REQUIRE(name.has_value());
  CHECK(name->str() == text);
  CHECK(name->space() == text.substr(0, text.find('.')));
}

TEST_CASE("what is no room's name is refused and says why", "[room_name]") {
  const auto text = GENERATE(as<std::string>{}, "", "chat", ".", "a.", ".a", "a..b", "a.b.", "a. ", "a.b c",
                             "a.b\r\nPUB x", "a.*", "a.>", "*.a", "a.é", "a.\"", "a\0.b"s, "a.b\0"s, "a=b.c",
                             "@.c", std::string(65, 'n') + ".x", "n." + std::string(254, 'x'));
  CAPTURE(text);
  const auto name = room_name::parse(text);
  REQUIRE_FALSE(name.has_value());
  CHECK(name.error().code == errc::bad_room);
  CHECK_FALSE(name.error().message.empty());
}

TEST_CASE("a namespace's name is a stream's name", "[room_name]") {
  CHECK(is_namespace_name("chat-1_A"));
  CHECK(is_namespace_name(std::string(64, 'x')));
  for (const auto& no : {""s, std::string(65, 'x'), "a.b"s, "a b"s, "a=b"s, "*"s, "é"s})
    CHECK_FALSE(is_namespace_name(no));
}
