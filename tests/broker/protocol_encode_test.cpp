#include "broker/protocol.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace hubbub::broker;
using namespace hubbub::broker::protocol;
using json = nlohmann::json;

namespace {

/// Everything that JSON wants escaped, and some that it does not.
const std::string nasty = "q\" b\\ s/ \b\f\n\r\t\x01\x1f\x7f é€😀 \xe2\x80\xa8";

room_name named(std::string_view text) { return *room_name::parse(text); }

template <class Encode>
std::string text_of(Encode encode) {
  std::string out = "before"; // encoders append
  encode(out);
  REQUIRE(out.starts_with("before"));
  return out.substr(6);
}

template <class Encode>
json json_of(Encode encode) {
  return json::parse(text_of(encode));
}

stored_event an_event() {
  stored_event e;
  e.room = named("chat.42");
  e.data = R"({"text": "hello"})";
  e.event_id = "e1-7";
  e.time_ms = 1'700'000'000'123;
  e.offset = 7;
  return e;
}

} // namespace

TEST_CASE("an event has its members in their order", "[protocol]") {
  auto e = an_event();
  CHECK(text_of([&](auto& out) { encode_event(out, e, true); }) ==
        R"({"op":"event","room":"chat.42","type":"message","data":{"text": "hello"},"event_id":"e1-7",)"
        R"("time":1700000000123,"offset":7})");
  CHECK(text_of([&](auto& out) { encode_event(out, e, false); }) ==
        R"({"op":"event","room":"chat.42","type":"message","data":{"text": "hello"},"event_id":"e1-7",)"
        R"("time":1700000000123})");
  e.from = "ann";
  e.key = "k";
  e.encoding = data_encoding::base64;
  e.data = "aGVsbG8=";
  CHECK(text_of([&](auto& out) { encode_event(out, e, true); }) ==
        R"({"op":"event","room":"chat.42","type":"message","data":"aGVsbG8=","event_id":"e1-7",)"
        R"("time":1700000000123,"offset":7,"from":"ann","key":"k","encoding":"base64"})");
}

TEST_CASE("an event's strings are escaped, its data is not touched", "[protocol]") {
  auto e = an_event();
  e.type = e.event_id = e.from = e.key = nasty;
  e.data = "[123456789012345678901234567890 , 1e400]";
  e.time_ms = std::numeric_limits<std::int64_t>::min();
  e.offset = std::numeric_limits<std::uint64_t>::max();
  const auto text = text_of([&](auto& out) { encode_event(out, e, true); });
  CHECK_THAT(text, Catch::Matchers::Contains(R"("data":[123456789012345678901234567890 , 1e400],)"));
  CHECK(is_json(text));
  e.data = "{}";
  const auto back = json_of([&](auto& out) { encode_event(out, e, true); });
  CHECK(back == json{{"op", "event"},
                     {"room", "chat.42"},
                     {"type", nasty},
                     {"data", json::object()},
                     {"event_id", nasty},
                     {"time", e.time_ms},
                     {"offset", e.offset},
                     {"from", nasty},
                     {"key", nasty}});
}

TEST_CASE("events of any size are encoded whole", "[protocol]") {
  auto e = an_event();
  for (const auto size : {1u, 2u, 63u, 64u, 127u, 128u, 1'000u, 70'000u}) {
    e.room = named("r." + std::string(std::min(size, 250u), 'r'));
    e.type = e.key = e.event_id = std::string(std::min(size, 128u), '"');
    e.from = std::string(size, '\x01');
    e.data = '"' + std::string(size, 'd') + '"';
    e.time_ms = std::numeric_limits<std::int64_t>::min();
    e.offset = std::numeric_limits<std::uint64_t>::max();
    const auto back = json_of([&](auto& out) { encode_event(out, e, true); });
    CHECK(back["room"] == e.room.str());
    CHECK(back["type"] == e.type);
    CHECK(back["from"] == e.from);
    CHECK(back["key"] == e.key);
    CHECK(back["event_id"] == e.event_id);
    CHECK(back["data"].get<std::string>().size() == size);
    CHECK(back["time"] == e.time_ms);
    CHECK(back["offset"] == e.offset);
  }
}

TEST_CASE("the place of an event's key is that of its text", "[protocol]") {
  auto e = an_event();
  std::string out = "before";
  CHECK(encode_event(out, e, true).size == 0);
  e.key = "a\"b";
  out = "before";
  const auto where = encode_event(out, e, true);
  CHECK(out.substr(6).substr(where.at, where.size) == R"(a\"b)");
}

TEST_CASE("the welcome bears what is known", "[protocol]") {
  welcome w{"0011", "node-1", "", "", 25'000, {}, "0.1.0"};
  w.bounds.payload_bytes = 1;
  w.bounds.rooms = 2;
  w.bounds.commands_in_flight = 3;
  w.bounds.commands_per_second = 4;
  w.bounds.control_bytes = 5;
  CHECK(
      text_of([&](auto& out) { encode_welcome(out, w); }) ==
      R"({"op":"welcome","session":"0011","node":"node-1","user":null,"ticket":null,"ping_ms":25000,)"
      R"("limits":{"payload_bytes":1,"rooms":2,"commands_in_flight":3,"commands_per_second":4,"control_bytes":5},)"
      R"("version":"0.1.0"})");
  w.user = w.ticket = w.node = nasty;
  const auto back = json_of([&](auto& out) { encode_welcome(out, w); });
  CHECK(back["user"] == nasty);
  CHECK(back["ticket"] == nasty);
  CHECK(back["node"] == nasty);
}

TEST_CASE("an ok bears the id as it came and what the op promises", "[protocol]") {
  CHECK(text_of([](auto& out) { encode_ok_auth(out, "7", "ann", "t", 60'000); }) ==
        R"({"op":"ok","id":7,"user":"ann","ticket":"t","expires_in_ms":60000})");
  CHECK(text_of([](auto& out) { encode_ok_auth(out, R"("\u0041")", "", "", {}); }) ==
        R"({"op":"ok","id":"\u0041","user":null,"ticket":null})");
  CHECK(text_of([](auto& out) { encode_ok_room(out, "8", named("a.b")); }) ==
        R"({"op":"ok","id":8,"room":"a.b"})");

  const stored s{{"e1", 9}, "x\"1", true};
  CHECK(text_of([&](auto& out) { encode_ok_publish(out, "1", s, false); }) ==
        R"({"op":"ok","id":1,"event_id":"x\"1","offset":9,"epoch":"e1","duplicate":true})");
  CHECK(text_of([&](auto& out) { encode_ok_publish(out, "1", s, true); }) ==
        R"({"op":"ok","id":1,"event_id":"x\"1"})");
}

TEST_CASE("an ok to a resume bears each room's position, or why it is not joined", "[protocol]") {
  const auto text = text_of([](auto& out) {
    encode_ok_resume(out, "9", "ann",
                     {{named("chat.42"), {"e1", 3}, 5, true}, {named("a.b"), {}, 0, false, errc::forbidden}});
  });
  CHECK(text == R"({"op":"ok","id":9,"user":"ann","rooms":{"chat.42":{"epoch":"e1","offset":3,"head":5,)"
                R"("recovered":true},"a.b":{"error":"forbidden"}}})");
  CHECK(text_of([](auto& out) { encode_ok_resume(out, "9", "", {}); }) ==
        R"({"op":"ok","id":9,"user":null,"rooms":{}})");
  CHECK(text_of([](auto& out) { encode_ticket(out, "AQ-_"); }) == R"({"op":"ticket","ticket":"AQ-_"})");
}

TEST_CASE("an ok to a join bears recovered, members and count only where they are meant", "[protocol]") {
  joined j{named("chat.42"), {"e1", 3}, 5, {}, {}, {}};
  CHECK(text_of([&](auto& out) { encode_ok_join(out, "1", j); }) ==
        R"({"op":"ok","id":1,"room":"chat.42","epoch":"e1","offset":3,"head":5})");
  j.recovered = false;
  j.members = std::vector<member>{};
  j.count = 0;
  CHECK(
      text_of([&](auto& out) { encode_ok_join(out, "1", j); }) ==
      R"({"op":"ok","id":1,"room":"chat.42","epoch":"e1","offset":3,"head":5,"recovered":false,"members":[],"count":0})");
  j.recovered = true;
  j.members = std::vector<member>{{nasty, R"({"name":"Ann"})", "[1]", 2}, {"bob", "", "", 1}};
  j.count = 2;
  const auto back = json_of([&](auto& out) { encode_ok_join(out, "1", j); });
  CHECK(back["recovered"] == true);
  CHECK(back["count"] == 2);
  CHECK(back["members"] ==
        json::array({{{"user", nasty}, {"user_info", {{"name", "Ann"}}}, {"info", {1}}, {"connections", 2}},
                     {{"user", "bob"}, {"connections", 1}}}));
}

TEST_CASE("history is a list of events without op and room", "[protocol]") {
  read_result r;
  r.head = {"e1", 9};
  CHECK(text_of([&](auto& out) { encode_ok_history(out, "1", r); }) ==
        R"({"op":"ok","id":1,"events":[],"more":false,"epoch":"e1"})");
  auto e = an_event();
  r.events.push_back(std::make_shared<stored_event>(e));
  e.from = "ann";
  e.encoding = data_encoding::base64;
  e.data = "aGVsbG8=";
  r.events.push_back(std::make_shared<stored_event>(e));
  r.more = true;
  CHECK(
      text_of([&](auto& out) { encode_ok_history(out, "1", r); }) ==
      R"({"op":"ok","id":1,"events":[)"
      R"({"type":"message","data":{"text": "hello"},"event_id":"e1-7","time":1700000000123,"offset":7},)"
      R"({"type":"message","data":"aGVsbG8=","event_id":"e1-7","time":1700000000123,"offset":7,"from":"ann",)"
      R"("encoding":"base64"}],"more":true,"epoch":"e1"})");
}

TEST_CASE("presence is members, changes, or everything anew", "[protocol]") {
  const std::vector<member> ann{{"ann", "", R"({"away":true})", 1}};
  const std::string text = R"([{"user":"ann","info":{"away":true},"connections":1}])";
  CHECK(text_of([&](auto& out) { encode_ok_presence(out, "1", ann, 5, true); }) ==
        R"({"op":"ok","id":1,"members":)" + text + R"(,"count":5,"more":true})");

  presence_change p{named("a.b"), 8, 3, false, {}, {}, {}};
  const auto push = [&] { return text_of([&](auto& out) { encode_presence(out, p); }); };
  const std::string head = R"({"op":"presence","room":"a.b","version":8,"count":3)";
  CHECK(push() == head + "}");
  p.leave = ann;
  CHECK(push() == head + R"(,"leave":)" + text + "}");
  p.join = p.update = ann;
  CHECK(push() == head + R"(,"join":)" + text + R"(,"leave":)" + text + R"(,"update":)" + text + "}");
  p = {named("a.b"), 8, 3, true, ann, {}, {}};
  CHECK(push() == head + R"(,"reset":true,"members":)" + text + "}");
  p.join.clear();
  CHECK(push() == head + R"(,"reset":true,"members":[]})");
}

TEST_CASE("an error says what is known and no more", "[protocol]") {
  CHECK(text_of([](auto& out) {
          encode_error(out, "", refusal{errc::bad_frame, "no"});
        }) == R"({"op":"error","code":"bad_frame","message":"no"})");
  CHECK(text_of([](auto& out) {
          encode_error(out, "\"a\"", refusal{errc::overloaded, "a\nb", 250});
        }) == R"({"op":"error","id":"a","code":"overloaded","message":"a\nb","retry_after_ms":250})");
  CHECK(
      text_of([](auto& out) {
        encode_error(out, "3",
                     publish_refused{{errc::unavailable, "no log"}, publish_outcome::unknown, "x-1"});
      }) ==
      R"({"op":"error","id":3,"code":"unavailable","message":"no log","event_id":"x-1","outcome":"unknown"})");
  CHECK(
      text_of([](auto& out) {
        encode_error(out, "3",
                     publish_refused{{errc::overloaded, "full", 9}, publish_outcome::not_stored, ""});
      }) ==
      R"({"op":"error","id":3,"code":"overloaded","message":"full","retry_after_ms":9,"outcome":"not_stored"})");
}

TEST_CASE("the small pushes have their shapes", "[protocol]") {
  CHECK(text_of([](auto& out) {
          encode_gap(out, {named("a.b"), 3, 9});
        }) == R"({"op":"gap","room":"a.b","from":3,"to":9})");
  CHECK(text_of([](auto& out) {
          encode_gap(out, {named("a.b"), 3, {}});
        }) == R"({"op":"gap","room":"a.b","from":3,"to":null})");
  CHECK(text_of([](auto& out) { encode_dropped(out, named("a.b"), 12); }) ==
        R"({"op":"dropped","room":"a.b","count":12})");
  CHECK(text_of([](auto& out) { encode_ping(out); }) == R"({"op":"ping"})");
  CHECK(text_of([](auto& out) { encode_expiring(out, 30'000); }) == R"({"op":"expiring","in_ms":30000})");
  CHECK(text_of([](auto& out) {
          encode_goodbye(out, {close_code::slow_consumer, "too \"slow\"", 500});
        }) ==
        R"({"op":"goodbye","code":4103,"reason":"too \"slow\"","reconnect":true,"retry_after_ms":500})");
  CHECK(text_of([](auto& out) {
          encode_goodbye(out, {close_code::revoked, "gone", 0});
        }) == R"({"op":"goodbye","code":4010,"reason":"gone","reconnect":false})");
}
