#include "tests/broker/command_recorder.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;
using namespace hubbub::broker::protocol;
using namespace std::string_literals;

namespace {

struct refusal_row {
  const char* message;
  const char* id;
  errc code;
  /// Stands in the message.
  const char* word;
};

} // namespace

TEST_CASE("a message that is not JSON is refused as a whole", "[protocol]") {
  const auto message =
      GENERATE(as<std::string>{}, "", " \n", "x", "\"pong\"", "7", "null", "tru",
               "\xef\xbb\xbf{\"op\":\"pong\"}", "[]", "[ ]", "[],[]", "[][]", "{", "[", "}", "]", "{]", "[}",
               R"({"op")", R"({"op"})", R"({"op":})", R"({"op":"pong")", R"({"op":"pong"}})",
               R"({"op":"pong"}{"op":"pong"})", R"({"op":"pong"},{"op":"pong"})", R"({"op":"pong"} x)",
               R"({"op":"pong",})", R"({,"op":"pong"})", R"({"op" "pong"})", R"({"op":"pong" "a":1})",
               R"({op:"pong"})", R"({'op':'pong'})", R"({"op":"pong":1})", R"({"a":"op":"pong"})",
               R"([{"op":"pong"},])", R"([,{"op":"pong"}])", R"([{"op":"pong"})", R"([{"op":"pong"}]])",
               R"([{"op":"pong"} {"op":"pong"}])", R"([{"op":"pong"},{"op":"pong"})",
               R"([{"op":"pong"},{"op":"pong")", R"({"op":"pong","x":[1,]})", R"({"op":"pong","x":[1 2]})",
               R"({"op":"pong","x":{"a":1,}})", R"({"op":"pong","x":{"a"}})", R"({"op":"pong","x":{1:2}})",
               R"({"op":"pong","x":[1})", R"({"op":"pong","x":[1}])", R"({"op":"pong","x":{"y":"z":1}})",
               "{\"op\":\"pong\"}\0"s, "{\"op\":\"po\0ng\"}"s, "{\"op\":\"po\nng\"}", "{\"op\":\"pong\"\f}",
               "{\"op\":\"pong\",\"x\":\"\t\"}", "{\"op\":\"pong\"}//", "{\"op\":\"pong\",\"x\":\"\xc3\"}",
               "{\"op\":\"pong\",\"x\":\"\xff\"}", "{\"op\":\"pong\",\"x\":\"\xed\xa0\x80\"}",
               "{\"op\":\"pong\",\"x\":\"\xc0\xaf\"}", "{\"op\":\"pong\"}\xc3");
  CAPTURE(message);
  const auto seen = parsed(message);
  REQUIRE(seen.order == "b");
  CHECK(seen.refused.front().id.empty());
  CHECK(seen.refused.front().why.code == errc::bad_frame);
  CHECK_FALSE(seen.refused.front().why.message.empty());
}

TEST_CASE("a value that is not JSON spoils the message, wherever it stands", "[protocol]") {
  const auto value =
      GENERATE(as<std::string>{}, "", "01", "-", "+1", "1.", ".5", "1.e1", "1e", "1e+", "--1", "0x1", "1_0",
               "1a", "-01", "NaN", "Infinity", "nul", "nulll", "True", "tru", "truefalse", "\"", "\"a", "a\"",
               "\"a\"b", "\"a\"\"b\"", "1\"a\"", R"("\")", R"("\x")", R"("\u12")", R"("\u12g4")",
               R"("\ud800")", R"("\ud800\n")", R"("\ud800\u0041")", R"("\udc00")", R"("\ude00\ud83d")", "[",
               "]", "{", "}", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[[]", "[]]", "{\"a\"}", "{\"a\":}",
               "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"\\x\":1}", "[1}",
               "{\"a\":1]", "1 2", "1,2", "/**/1", "'a'", "\"\x01\"", "\"\n\"", "\x80", "\"\x80\"",
               "\xef\xbb\xbf"
               "1",
               "1\f", "\v1", ":", ",");
  CAPTURE(value);
  CHECK_FALSE(is_json(value));
  for (const auto& message :
       {R"({"op":"publish","id":1,"room":"a.b","type":"t","data":)" + value + "}",
        R"([{"op":"pong"},{"op":"leave","id":1,"room":"a.b","x":)" + value + "}]",
        R"({"op":"join","id":1,"room":"a.b","since":{"epoch":"e","offset":1,"x":)" + value + "}}",
        R"([{"op":"pong"},)" + value + "]"}) {
    CAPTURE(message);
    if (message == R"([{"op":"pong"},1,2])")
      continue; // two elements, each bad by itself
    const auto seen = parsed(message);
    REQUIRE(seen.order == "b");
    CHECK(seen.refused.front().why.code == errc::bad_frame);
  }
}

TEST_CASE("a wrong command is refused with its id, and the field is named", "[protocol]") {
  const auto r = GENERATE(values<refusal_row>({
      {R"({})", "", errc::bad_command, "`op`"},
      {R"({"id":1})", "1", errc::bad_command, "`op`"},
      {R"({"id":1,"op":7})", "1", errc::bad_command, "`op`"},
      {R"({"id":1,"op":"shout"})", "1", errc::bad_command, "`shout`"},
      {R"({"id":1,"op":"sh\nout"})", "1", errc::bad_command, "`op`"},
      {R"({"id":1,"op":""})", "1", errc::bad_command, "`op`"},
      {R"({"op":"leave","room":"a.b"})", "", errc::bad_command, "`id`"},
      {R"({"op":"leave","id":1})", "1", errc::bad_command, "`room`"},
      {R"({"op":"leave","room":5,"id":"x"})", "\"x\"", errc::bad_command, "`room`"},
      {R"({"op":"leave","room":"chat","id":1})", "1", errc::bad_room, "two or more tokens"},
      {R"({"op":"leave","room":"a.b\n","id":1})", "1", errc::bad_room, "character"},
      {R"({"op":"leave","room":"a..b","id":1})", "1", errc::bad_room, "empty token"},
      {R"({"op":"leave","room":"","id":1})", "1", errc::bad_room, "empty"},
      {R"({"op":"leave","id":1,"id":2,"room":"a.b"})", "", errc::bad_command, "`id`"},
      {R"({"op":"leave","id":1,"room":"a.b","r\u006fom":"a.c"})", "1", errc::bad_command, "`room`"},
      {R"({"op":"leave","op":"join","id":1,"room":"a.b"})", "1", errc::bad_command, "`op`"},
      {R"({"op":"auth","id":1})", "1", errc::bad_command, "`token`"},
      {R"({"op":"auth","id":1,"token":null})", "1", errc::bad_command, "`token`"},
      {R"({"op":"join","id":1,"room":"a.b","since":3})", "1", errc::bad_command, "`since`"},
      {R"({"op":"join","id":1,"room":"a.b","since":{}})", "1", errc::bad_command, "`since.epoch`"},
      {R"({"op":"join","id":1,"room":"a.b","since":{"epoch":"e"}})", "1", errc::bad_command,
       "`since.offset`"},
      {R"({"op":"join","id":1,"room":"a.b","since":{"epoch":1,"offset":1}})", "1", errc::bad_command,
       "`since.epoch`"},
      {R"({"op":"join","id":1,"room":"a.b","since":{"epoch":"e","offset":-1}})", "1", errc::bad_command,
       "`since.offset`"},
      {R"({"op":"join","id":1,"room":"a.b","since":{"epoch":"e","offset":18446744073709551616}})", "1",
       errc::bad_command, "`since.offset`"},
      {R"({"op":"join","id":1,"room":"a.b","since":{"epoch":"e","epoch":"f","offset":1}})", "1",
       errc::bad_command, "`since.epoch`"},
      {R"({"op":"join","id":1,"room":"a.b","history":4294967296})", "1", errc::bad_command, "`history`"},
      {R"({"op":"join","id":1,"room":"a.b","history":1.0})", "1", errc::bad_command, "`history`"},
      {R"({"op":"join","id":1,"room":"a.b","history":"1"})", "1", errc::bad_command, "`history`"},
      {R"({"op":"join","id":1,"room":"a.b","presence":1})", "1", errc::bad_command, "`presence`"},
      {R"({"op":"join","id":1,"room":"a.b","presence":null})", "1", errc::bad_command, "`presence`"},
      {R"({"op":"publish","id":1,"room":"a.b","data":1})", "1", errc::bad_command, "`type`"},
      {R"({"op":"publish","id":1,"room":"a.b","type":"","data":1})", "1", errc::bad_command, "`type`"},
      {R"({"op":"publish","id":1,"room":"a.b","type":"\u0007","data":1})", "1", errc::bad_command, "`type`"},
      {R"({"op":"publish","id":1,"room":"a.b","type":"t"})", "1", errc::bad_command, "`data`"},
      {R"({"op":"publish","id":1,"room":"a.b","type":"t","data":1,"key":7})", "1", errc::bad_command,
       "`key`"},
      {R"({"op":"publish","id":1,"room":"a.b","type":"t","data":1,"event_id":"é"})", "1", errc::bad_command,
       "`event_id`"},
      {R"({"op":"publish","id":1,"room":"a.b","type":"t","data":1,"echo":"no"})", "1", errc::bad_command,
       "`echo`"},
      {R"({"op":"publish","id":1,"room":"a.b","type":"t","data":1,"data":2})", "1", errc::bad_command,
       "`data`"},
      {R"({"op":"history","id":1,"room":"a.b"})", "1", errc::bad_command, "`limit`"},
      {R"({"op":"history","id":1,"room":"a.b","limit":0})", "1", errc::bad_command, "`limit`"},
      {R"({"op":"history","id":1,"room":"a.b","limit":1,"before":"9"})", "1", errc::bad_command, "`before`"},
      {R"({"op":"history","id":1,"room":"a.b","limit":1,"before":1,"after":1})", "1", errc::bad_command,
       "`after`"},
      {R"({"op":"presence","id":1,"room":"a.b","after":1})", "1", errc::bad_command, "`after`"},
      {R"({"op":"update","id":1,"room":"a.b"})", "1", errc::bad_command, "`info`"},
      {R"({"op":"call","id":1,"method":"create","data":1})", "1", errc::bad_command, "`method`"},
      {R"({"op":"call","id":1,"method":"a.b"})", "1", errc::bad_command, "`data`"},
      {R"({"op":"resume","id":1,"ticket":"t"})", "1", errc::bad_command, "`rooms`"},
      {R"({"op":"resume","id":1,"ticket":7,"rooms":{}})", "1", errc::bad_command, "`ticket`"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":[]})", "1", errc::bad_command, "`rooms`"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":{"a.b":1}})", "1", errc::bad_command, "`rooms`"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":{"a":{"epoch":"e","offset":1}}})", "1", errc::bad_room,
       "token"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":{"a.b":{"offset":1}}})", "1", errc::bad_command,
       "`rooms.epoch`"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":{"a.b":{"epoch":"e"}}})", "1", errc::bad_command,
       "`rooms.offset`"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":{"a.b":{"epoch":"e","offset":1.5}}})", "1",
       errc::bad_command, "`rooms.offset`"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":{"a.b":{"epoch":"e","offset":1,"offset":1}}})", "1",
       errc::bad_command, "`rooms.offset`"},
      {R"({"op":"resume","id":1,"ticket":"t","rooms":{"a.b":{"epoch":"e","offset":1,"presence":null}}})", "1",
       errc::bad_command, "`rooms.presence`"},
      {R"({"op":"resume","id":1,"rooms":{"a.b":{"epoch":"e","offset":1},"a\u002eb":{"epoch":"e","offset":1}}})",
       "1", errc::bad_command, "more than once: a.b"},
  }));
  CAPTURE(r.message);
  const auto seen = parsed(r.message);
  REQUIRE(seen.order == "b");
  CHECK(seen.refused.front().id == r.id);
  CHECK(name(seen.refused.front().why.code) == name(r.code));
  CHECK_THAT(seen.refused.front().why.message, Catch::Matchers::Contains(r.word));
}

TEST_CASE("data and info are bounded in bytes", "[protocol]") {
  const auto publish = [](std::size_t size) {
    return parsed(R"({"op":"publish","id":1,"room":"a.b","type":"t","data":")" + std::string(size - 2, 'x') +
                      "\"}",
                  {.payload_bytes = 100});
  };
  const auto update = [](std::size_t size) {
    return parsed(R"({"op":"update","id":1,"room":"a.b","info":")" + std::string(size - 2, 'x') + "\"}");
  };
  CHECK(publish(100).order == "c");
  CHECK(update(1024).order == "c");
  for (const auto& seen : {publish(101), update(1025)}) {
    REQUIRE(seen.order == "b");
    CHECK(seen.refused.front().id == "1");
    CHECK(seen.refused.front().why.code == errc::too_large);
  }
}

TEST_CASE("labels are bounded in bytes", "[protocol]") {
  const auto publish = [](std::size_t size) {
    return parsed(R"({"op":"publish","id":1,"room":"a.b","type":")" + std::string(size, 'x') +
                  R"(","data":1})");
  };
  CHECK(publish(128).order == "c");
  CHECK(publish(129).refused.at(0).why.code == errc::bad_command);
  CHECK(is_label(" ~"));
  for (const auto& no : {""s, "\x1f"s, "\x7f"s, "\x80"s, "a\nb"s, "\0"s, std::string(129, 'x')})
    CHECK_FALSE(is_label(no));
}

TEST_CASE("nesting is bounded", "[protocol]") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  const auto publish = [&](std::size_t depth) {
    return parsed(R"({"op":"publish","id":1,"room":"a.b","type":"t","data":)" + nested(depth) + "}");
  };
  CHECK(publish(64).order == "c");
  CHECK(publish(65).refused.at(0).why.code == errc::bad_frame);
  CHECK_THAT(publish(65).refused.at(0).why.message, Catch::Matchers::Contains("64"));
  CHECK(parsed("[" + nested(100'000) + "]").refused.at(0).why.code == errc::bad_frame);
  CHECK(parsed(std::string(1'000'000, '[')).refused.at(0).why.code == errc::bad_frame);
  CHECK(is_json(nested(64)));
  CHECK_FALSE(is_json(nested(65)));
  CHECK(is_json(nested(3), 3));
  CHECK_FALSE(is_json(nested(4), 3));
  CHECK(is_json("1", 0));
  CHECK_FALSE(is_json("{}", 0));
}
