#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;

TEST_CASE("a text frame's header is as short as its payload allows", "[wire_frame]") {
  auto header = [](std::size_t payload, bool compressed = false) {
    std::string out;
    append_frame_header(out, payload, compressed);
    CHECK(out.size() == frame_header_size(payload));
    return out;
  };
  CHECK(header(0) == std::string("\x81\x00", 2));
  CHECK(header(125) == "\x81\x7d");
  CHECK(header(126) == std::string("\x81\x7e\x00\x7e", 4));
  CHECK(header(65'535) == "\x81\x7e\xff\xff");
  CHECK(header(65'536) == std::string("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
  CHECK(header(5, true) == "\xc1\x05");
}

TEST_CASE("a text frame carries its payload unmasked", "[wire_frame]") {
  std::string out = "x";
  append_text_frame(out, "Hello");
  CHECK(out == "x\x81\x05Hello"); // RFC 6455 section 5.7
}

TEST_CASE("a close frame's reason is cut to what a control frame holds, between characters", "[wire_frame]") {
  std::string out;
  append_close_frame(out, 4103, "slow");
  CHECK(out == "\x88\x06\x10\x07slow");

  out.clear();
  append_close_frame(out, 1000, std::string(122, 'a') + "\xc3\xa4\xc3\xa4");
  CHECK(out.size() == 2 + 2 + 122);
  CHECK(out.back() == 'a');
}
