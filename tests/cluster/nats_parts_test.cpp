#include "cluster/base64.hpp"
#include "cluster/jetstream_api.hpp"
#include "cluster/nats_event.hpp"
#include "cluster/nats_message.hpp"
#include "cluster/stream_note.hpp"
#include "cluster/subjects.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

/// What the NATS bus is made of, without NATS.
namespace hubbub::test {
namespace {

using namespace cluster;
using namespace std::string_literals;

TEST_CASE("base64 is read as it is written", "[nats_parts]") {
  for (const auto& [bytes, text] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"\xff\xfe\0"s, "//4A"}}) {
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text) == bytes);
  }
  for (const auto* wrong :
       {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "====", "Z===", "Zm9v\n", "Zm-v", "Z\"==", "=Zg="})
    CHECK_FALSE(is_base64(wrong));
}

TEST_CASE("headers are read whatever they are", "[nats_parts]") {
  const header_lines h{"NATS/1.0\r\nA: 1\r\nA:2\r\nno colon\r\n: x\r\nB:  y z \t\r\na: 3\r\nC:\r\nlast: end"};
  CHECK(h.status() == 0);
  CHECK(h.first("A") == "1");
  CHECK(h.last("A") == "2");
  CHECK(h.first("B") == "y z");
  CHECK(h.first("C").empty());
  CHECK(h.first("D").empty());
  CHECK(h.first("last") == "end");
  CHECK(header_lines{"NATS/1.0 503\r\n\r\n"}.status() == 503);
  CHECK(header_lines{"NATS/1.0 100 FlowControl Request\r\n\r\n"}.status() == 100);
  CHECK(header_lines{"NATS/1.0 abc\r\n\r\n"}.status() == 0);
  CHECK(header_lines{"HTTP/1.1\r\nA: 1\r\n"}.first("A").empty());
  CHECK(header_lines{""}.first("A").empty());
  CHECK(header_lines{"NATS/1.0"}.last("A").empty());
}

TEST_CASE("a message is known again by what its producer wrote", "[nats_parts]") {
  const auto print = [](std::string_view lines, std::string_view data) {
    return fingerprint_of(header_lines{"NATS/1.0\r\n" + std::string{lines} + "\r\n"}, data);
  };
  const auto one = print("Hubbub-Id: a\r\nHubbub-Time: 5\r\n", "{}");
  CHECK(one == print("Hubbub-Id: a\r\nHubbub-Time: 5\r\nNats-Stream: S\r\nNats-Sequence: 7\r\n", "{}"));
  CHECK(one != print("Hubbub-Id: b\r\nHubbub-Time: 5\r\n", "{}"));
  CHECK(one != print("Hubbub-Id: a\r\nHubbub-Time: 5\r\n", "{} "));
  CHECK(fingerprint_of(header_lines{}, "1") == print("Nats-Stream: S\r\n", "1"));
  CHECK(print("Hubbub-Id: same\r\n", "same") != print("Hubbub-Id: other\r\n", "other"));
  CHECK(fingerprint_of(header_lines{}, "") != 0);
}

TEST_CASE("places in the log are read from the end of a reply", "[nats_parts]") {
  const auto at = place_of_delivered("$JS.ACK.HUBBUB_chat.name.1.42.7.1700000000123456789.3");
  CHECK(at.offset == 42);
  CHECK(at.time_ms == 1'700'000'000'123);
  CHECK(place_of_delivered("").offset == 0);
  CHECK(place_of_delivered("1.2").offset == 0);
  CHECK(place_of_delivered("$JS.ACK.x.y.1.-4.7.1.3").offset == 0);
  CHECK(number_in("18446744073709551615") == ~0ull);
  CHECK(number_in("18446744073709551616") == 0);
  CHECK(number_in(" 1") == 0);
}

TEST_CASE("only a name becomes a subject", "[nats_parts]") {
  const auto names = subjects::under("hubbub").value();
  CHECK(names.in(room("chat.1")) == "hubbub.rooms.chat.1");
  CHECK(names.out(room("chat.1")) == "hubbub.out.chat.1");
  CHECK(names.live(room("chat.1")) == "hubbub.live.chat.1");
  CHECK(names.all_in("chat") == "hubbub.rooms.chat.>");
  CHECK(names.stream("chat") == "HUBBUB_chat");
  CHECK(names.room_in("hubbub.rooms.chat.1") == room("chat.1"));
  for (const auto* wrong : {"hubbub.rooms.chat", "hubbub.rooms.", "hubbub.out.chat.1", "chat.1", "",
                            "hubbub.rooms.chat.a$b", "hubbub.rooms.chat..1"})
    CHECK_FALSE(names.room_in(wrong));
  for (const auto* wrong : {"", "a b", "a.b", "a\r\nPUB x 0", ">", "*"})
    CHECK_FALSE(subjects::under(wrong).has_value());
}

TEST_CASE("a stream's note is read as it is written", "[nats_parts]") {
  const stream_note n{7, "abcDEF01", 99, "Zz3", "Qv3Zk0ab"};
  CHECK(stream_note::parse(n.str()) == n);
  const stream_note older{7, "abcDEF01", 99, "Zz3", ""};
  CHECK(older.str() == "hubbub generation=7 policy=abcDEF01 raised=99 life=Zz3");
  CHECK(stream_note::parse(older.str()) == older);
  CHECK_FALSE(stream_note::parse("").has_value());
  CHECK_FALSE(stream_note::parse("somebody's stream generation=7").has_value());
  CHECK(stream_note::parse("hubbub generation=x policy")->generation == 0);
}

TEST_CASE("what JetStream answers is read, or an error", "[nats_parts]") {
  CHECK(js::read_ack(R"({"stream":"S","seq":5})").sequence == 5);
  CHECK(js::read_ack(R"({"stream":"S","seq":5,"duplicate":true})").duplicate);
  const auto refused =
      js::read_ack(R"({"error":{"code":400,"err_code":10054,"description":"too large"},"seq":0})");
  CHECK(refused.why.code == 400);
  CHECK(refused.why.err_code == 10054);
  CHECK(refused.why.description == "too large");
  for (const auto* wrong :
       {"", "x", "[]", "1", "{}", "{\"seq\":-1}", "{\"seq\":\"5\"}", "{\"seq\":5", "\xff"}) {
    CHECK(js::read_ack(wrong).why);
    CHECK(js::read_message(wrong).why);
    CHECK(js::read_stream_info(wrong).why);
    CHECK(js::read_consumer_info(wrong).why);
  }
  const auto info = [](const std::string& more) {
    return js::read_stream_info(R"({"config":{"name":"S","num_replicas":3},"state":{"last_seq":7})" + more +
                                "}");
  };
  CHECK(info("").last_seq == 7);
  CHECK(info("").before_2_10);
  CHECK_FALSE(info(R"(,"ts":"2026-11-22T07:28:40.5Z")").before_2_10);
  const auto m = js::read_message(
      R"({"message":{"subject":"a.b","seq":3,"hdrs":"TkFUUy8xLjANCg==","data":"MQ==","time":"2026-11-22T07:28:40.5Z"}})");
  CHECK_FALSE(m.why);
  CHECK(m.subject == "a.b");
  CHECK(m.headers == "NATS/1.0\r\n");
  CHECK(m.data == "1");
  CHECK(m.time_ms == 1'795'332'520'500);
  CHECK(js::read_message(R"({"message":{"subject":"a.b","seq":3,"data":"M","time":""}})").why);
}

} // namespace
} // namespace hubbub::test
