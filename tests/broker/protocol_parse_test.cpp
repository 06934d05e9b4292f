#include "tests/broker/command_recorder.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;
using namespace hubbub::broker::protocol;

TEST_CASE("each op is parsed with all its fields", "[protocol]") {
  CHECK(one<auth_command>(R"({"op":"auth","id":1,"token":"a.b.c"})").token == "a.b.c");

  const auto join = one<join_command>(
      R"({"op":"join","id":1,"room":"chat.42","since":{"epoch":"e1","offset":18446744073709551615},)"
      R"("history":9,"presence":true,"info":{"name": "Ann"}})");
  CHECK(join.room.str() == "chat.42");
  CHECK(join.since == stream_position{"e1", 18446744073709551615u});
  CHECK(join.history == 9u);
  CHECK(join.presence);
  CHECK(join.info == R"({"name": "Ann"})");

  const auto plain = one<join_command>(R"({"op":"join","id":1,"room":"chat.42"})");
  CHECK_FALSE(plain.since);
  CHECK_FALSE(plain.history);
  CHECK_FALSE(plain.presence);
  CHECK(plain.info.empty());

  CHECK(one<leave_command>(R"({"op":"leave","id":1,"room":"a.b"})").room.str() == "a.b");

  const auto publish = one<publish_command>(
      R"({"op":"publish","id":1,"room":"a.b","type":"typing","data":[1],"key":"k","event_id":"x-1","echo":false})");
  CHECK(publish.what.room.str() == "a.b");
  CHECK(publish.what.type == "typing");
  CHECK(publish.what.data == "[1]");
  CHECK(publish.what.encoding == data_encoding::json);
  CHECK(publish.what.key == "k");
  CHECK(publish.what.event_id == "x-1");
  CHECK(publish.what.from.empty());
  CHECK_FALSE(publish.echo);

  const auto history = one<history_command>(R"({"op":"history","id":1,"room":"a.b","limit":7,"before":9})");
  CHECK(history.room.str() == "a.b");
  CHECK(history.limit == 7);
  CHECK(history.before == 9u);
  CHECK_FALSE(history.after);
  CHECK(one<history_command>(R"({"op":"history","id":1,"room":"a.b","limit":7,"after":0})").after == 0u);

  const auto presence =
      one<presence_command>(R"({"op":"presence","id":1,"room":"a.b","limit":5,"after":"ann"})");
  CHECK(presence.limit == 5);
  CHECK(presence.after == "ann");
  CHECK(one<presence_command>(R"({"op":"presence","id":1,"room":"a.b"})").limit == 0);

  CHECK(one<update_command>(R"({"op":"update","id":1,"room":"a.b","info":null})").info == "null");

  const auto call = one<call_command>(R"({"op":"call","id":1,"method":"orders.new","data":"x"})");
  CHECK(call.method.str() == "orders.new");
  CHECK(call.data == R"("x")");

  const auto resume = one<resume_command>(
      R"({"op":"resume","id":1,"ticket":"t\u0041","rooms":{"chat.42":{"offset":7,"epoch":"e","else":[{}]},)"
      R"("chat\u002eb":{"epoch":"","offset":18446744073709551615,"presence":true,"info":{"n": 1e400}}}})");
  CHECK(resume.ticket == "tA");
  REQUIRE(resume.rooms.size() == 2);
  CHECK(resume.rooms[0].room.str() == "chat.42");
  CHECK(resume.rooms[0].since == stream_position{"e", 7});
  CHECK_FALSE(resume.rooms[0].presence);
  CHECK(resume.rooms[1].room.str() == "chat.b");
  CHECK(resume.rooms[1].since.offset == 18446744073709551615u);
  CHECK(resume.rooms[1].presence);
  CHECK(resume.rooms[1].info == R"({"n": 1e400})");
  CHECK(one<resume_command>(R"({"op":"resume","id":1,"rooms":{}})").ticket.empty());
  one<pong_command>(R"({"op":"pong"})");
}

TEST_CASE("an id is echoed as it stood in the message", "[protocol]") {
  const auto text = GENERATE(as<std::string>{}, "7", "-0", "0", "123456789012345678901234567890", R"("")",
                             R"("a1")", R"("\u0041\n")", R"("é")", "\"" + std::string(64, 'x') + "\"");
  const auto seen = parsed(R"({"op":"leave","id":)" + text + R"(,"room":"a.b"})");
  REQUIRE(seen.order == "c");
  CHECK(seen.commands.front().id == text);
}

TEST_CASE("what is no id is refused without one", "[protocol]") {
  const auto text = GENERATE(as<std::string>{}, "1.0", "1e3", "null", "true", "[]", "{}",
                             std::string(65, '1'), "\"" + std::string(65, 'x') + "\"");
  const auto seen = parsed(R"({"op":"leave","id":)" + text + R"(,"room":"a.b"})");
  REQUIRE(seen.order == "b");
  CHECK(seen.refused.front().id.empty());
  CHECK(seen.refused.front().why.code == errc::bad_command);
  CHECK(seen.refused.front().why.message.find("`id`") != std::string::npos);
}

TEST_CASE("a pong has no id, whatever it says", "[protocol]") {
  const auto seen = parsed(R"({"op":"pong","id":[]})");
  REQUIRE(seen.order == "c");
  CHECK(seen.commands.front().id.empty());
}

TEST_CASE("names and strings may be written with escapes", "[protocol]") {
  const auto publish = one<publish_command>(
      R"({"\u006fp":"pu\u0062lish","id":1,"r\u006fom":"a\u002eb","type":"\u0022\\\/","data":1,"key":"\u006B"})");
  CHECK(publish.what.room.str() == "a.b");
  CHECK(publish.what.type == "\"\\/");
  CHECK(publish.what.key == "k");
  CHECK(
      one<auth_command>(R"({"op":"auth","id":1,"token":"\b\f\n\r\t\u00e9\u20ac\ud83d\uDE00\u0000"})").token ==
      std::string("\b\f\n\r\té€😀\0", 15));
}

TEST_CASE("data goes through byte for byte", "[protocol]") {
  const auto data =
      GENERATE(as<std::string>{}, "null", "true", "false", "0", "-0", "1.50", "-1.5E+300", "1e-7", "1e400",
               "123456789012345678901234567890", "0.1234567890123456789012345678901234567890", R"("")",
               R"("a b")", R"("\"\\\/\b\f\n\r\t\u0000\uD83D\ude00")", R"("é€😀")", "[]", "{}", "[ ]", "{ }",
               R"([1 , "a]" ,{"b" : [ ]}])", R"({"same":1,"same":2,"":3})", R"({"op":"leave","id":2})",
               "\"\x7f\"", "[[],[[]],{}]", "\"]}\"");
  CAPTURE(data);
  CHECK(one<publish_command>(R"({"op":"publish","id":1,"room":"a.b","type":"t","data":)" + data + "}")
            .what.data == data);
  CHECK(one<publish_command>(R"({"data":  )" + data + "\t\r\n" +
                             R"( , "op":"publish","id":1,"room":"a.b","type":"t"})")
            .what.data == data);
}

TEST_CASE("data with a line break between its tokens loses its white space", "[protocol]") {
  const auto publish =
      one<publish_command>("{\"op\":\"publish\",\"id\":1,\"room\":\"a.b\",\"type\":\"t\",\"data\":"
                           "{\r\n  \"a b\": [ 1,\n\t2 ],\n  \"c\": \"\\\\ \\\" d\"\n}}");
  CHECK(publish.what.data == R"({"a b":[1,2],"c":"\\ \" d"})");
}

TEST_CASE("unknown fields are ignored", "[protocol]") {
  CHECK(
      one<leave_command>(R"({"x":{"room":"no.no","id":9},"op":"leave","":[],"id":1,"room":"a.b","limit":"x",)"
                         R"("epoch":1,"offset":2,"x":0})")
          .room.str() == "a.b");
  CHECK(one<join_command>(
            R"({"op":"join","id":1,"room":"a.b","since":{"z":[1],"offset":3,"room":"x","epoch":"e"}})")
            .since == stream_position{"e", 3});
}

TEST_CASE("a batch is an array of commands, in order", "[protocol]") {
  const auto seen =
      parsed(R"([{"op":"leave","id":1,"room":"a.b"},{"op":"leave","id":2,"room":"a"},{"op":"pong"},)"
             R"([],[{"op":"pong"}],7,{"op":"leave","id":3,"room":"a.c"}])");
  CHECK(seen.order == "cbcbbbc");
  REQUIRE(seen.refused.size() == 4);
  CHECK(seen.refused[0].id == "2");
  CHECK(seen.refused[0].why.code == errc::bad_room);
  for (auto i = 1u; i < 4; ++i) {
    CHECK(seen.refused[i].id.empty());
    CHECK(seen.refused[i].why.code == errc::bad_command);
  }
  CHECK(seen.commands.back().id == "3");
}

TEST_CASE("a batch has at most so many commands, or none is done", "[protocol]") {
  std::string message = "[";
  for (auto i = 0; i < 256; ++i)
    message += R"({"op":"pong"},)";
  message.back() = ']';
  CHECK(parsed(message).commands.size() == 256);
  message.back() = ',';
  const auto seen = parsed(message + R"({"op":"pong"}])");
  REQUIRE(seen.order == "b");
  CHECK(seen.refused.front().why.code == errc::too_large);
}

TEST_CASE("the sink stops the parser", "[protocol]") {
  command_recorder seen{2};
  parser{}.parse(R"([{"op":"pong"},{"op":"no"},{"op":"pong"}])", seen);
  CHECK(seen.order == "cb");
}

TEST_CASE("a parser keeps nothing of the message before", "[protocol]") {
  parser p;
  command_recorder seen;
  p.parse(R"({"op":"publish","id":1,"room":"a.b","type":"t","data":{"a":[]}})", seen);
  p.parse(R"({"op":"publish","id":1,"room":"a.b","type":"t","data":{"a":[])", seen);
  p.parse(R"({"op":"pong")", seen);
  p.parse(R"([{"op":"pong"})", seen);
  p.parse(R"({"op":"pong"})", seen);
  p.parse(R"({"op":"publish","id":2,"room":"a.b","type":"t","data":")" + std::string(2'000'000, 'x') + "\"}",
          seen);
  p.parse(R"({"op":"pong"})", seen);
  CHECK(seen.order == "cbbbcbc");
}
