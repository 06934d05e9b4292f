#include "cluster/backend_reply.hpp"
#include "tests/support/catch.hpp"

#include <string>

/// What backends answer, as it stands on the wire.
namespace hubbub::test {
namespace {

using namespace cluster;
using broker::errc;
using broker::publish_outcome;

struct read_reply {
  read_reply(std::string_view headers, std::string_view data, std::size_t most = 100) {
    const auto raw = headers.empty() ? std::string{} : "NATS/1.0" + std::string{headers} + "\r\n";
    nats_message m;
    m.headers = header_lines{raw};
    m.data = data;
    outcome = read_answer(m, most, said);
  }
  broker::backend_answer said;
  request_outcome outcome;
};

TEST_CASE("an answer's payload is one JSON value, or base64", "[nats_parts]") {
  const auto json = [](std::string_view data) {
    const read_reply r{"", data};
    CHECK(r.outcome == request_outcome::ok);
    CHECK(r.said.why.code == errc::ok);
    CHECK(r.said.encoding == broker::data_encoding::json);
    return r.said.data;
  };
  CHECK(json(R"({"a": 1})") == R"({"a": 1})");
  CHECK(json("7") == "7");
  CHECK(json("{\n  \"a\": [1,\r\n 2]\n}") == R"({"a":[1,2]})"); // an answer is one line
  CHECK(json("") == "null");
  for (const std::string_view bytes : {"oops", "{}{}", "{\"a\":", "\"\xff\"", "\"\\ud800\"", " "}) {
    const read_reply r{"", bytes};
    CHECK(r.outcome == request_outcome::ok);
    CHECK(r.said.encoding == broker::data_encoding::base64);
    CHECK(r.said.data.find_first_of("\"\\\n") == std::string::npos);
  }
  // Too deep for the clients' own frames.
  CHECK(read_reply{"", std::string(65, '[') + std::string(65, ']'), 1000}.said.encoding ==
        broker::data_encoding::base64);
}

TEST_CASE("an answer that is too large is told so", "[nats_parts]") {
  CHECK(read_reply{"", std::string(100, '7')}.outcome == request_outcome::ok);
  const read_reply r{"", std::string(101, '7')};
  CHECK(r.outcome == request_outcome::bad_answer);
  CHECK(r.said.why.code == errc::too_large);
  CHECK(r.said.why.message.find("100") != std::string::npos);
}

TEST_CASE("a backend refuses with a code and a sentence", "[nats_parts]") {
  const auto refusal = [](std::string_view headers) {
    const read_reply r{headers, R"({"not":"read"})"};
    CHECK(r.outcome == request_outcome::refused);
    CHECK(r.said.why.code != errc::ok);
    CHECK(r.said.outcome == publish_outcome::not_stored);
    return r.said.code + '|' + r.said.why.message;
  };
  CHECK(refusal("\r\nHubbub-Error: invalid_data n must be positive\r\n") ==
        "invalid_data|n must be positive");
  CHECK(refusal("\r\nHubbub-Error: out_of_stock\r\n") == "out_of_stock|the backend refused it");
  CHECK(refusal("\r\nA: b\r\nHubbub-Error:forbidden nicht f\xc3\xbcr dich\r\nHubbub-Error: second\r\n") ==
        "forbidden|nicht f\xc3\xbcr dich");
  // A sentence that cannot be repeated takes nothing from the refusal.
  CHECK(refusal("\r\nHubbub-Error: no \xff\xfe\r\n") == "no|the backend refused it");
  CHECK(refusal("\r\nHubbub-Error: no " + std::string(513, 'x') + "\r\n") == "no|the backend refused it");
  // As NATS' services API refuses.
  CHECK(refusal("\r\nNats-Service-Error: n must be positive\r\nNats-Service-Error-Code: invalid_data\r\n") ==
        "invalid_data|n must be positive");
  CHECK(refusal("\r\nNats-Service-Error-Code: 400\r\nNats-Service-Error: bad request\r\n") ==
        "backend_error|bad request");
  CHECK(refusal("\r\nNats-Service-Error: broken\r\n") == "backend_error|broken");
}

TEST_CASE("a backend that could not publish leaves the outcome open", "[nats_parts]") {
  for (const std::string code : {"unavailable", "timeout", "internal"}) {
    CAPTURE(code);
    const read_reply r{"\r\nHubbub-Error: " + code + " try again\r\n", ""};
    CHECK(r.outcome == request_outcome::refused);
    CHECK(r.said.code == code);
    CHECK(r.said.outcome == publish_outcome::unknown);
  }
}

TEST_CASE("a refusal that is not understood agrees to nothing", "[nats_parts]") {
  for (const std::string headers :
       {"\r\nHubbub-Error: 400 bad\r\n", "\r\nHubbub-Error: Not_Found\r\n", "\r\nHubbub-Error: a\"b\r\n",
        "\r\nHubbub-Error: a-b\r\n", " 408 Request Timeout\r\n", " 100 Idle\r\n"}) {
    CAPTURE(headers);
    const read_reply r{headers, "1"};
    CHECK(r.outcome == request_outcome::bad_answer);
    CHECK(r.said.why.code == errc::unavailable);
    CHECK(r.said.code.empty());
    CHECK(r.said.outcome == publish_outcome::unknown);
  }
  CHECK(read_reply{"\r\nHubbub-Error: " + std::string(65, 'a') + "\r\n", "1"}.outcome ==
        request_outcome::bad_answer);
  // Without a code it refuses all the same.
  CHECK(read_reply{"\r\nHubbub-Error:\r\n", "1"}.said.code == "backend_error");
}

} // namespace
} // namespace hubbub::test
