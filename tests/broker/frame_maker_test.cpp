#include "broker/frame_maker.hpp"

#include "broker/deflate.hpp"
#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace hubbub::broker;

namespace {

constexpr auto plain = wire_format::websocket;
constexpr auto deflate = wire_format::websocket_deflate;

stored_event saying(std::string data) {
  stored_event e;
  e.room = *room_name::parse("chat.news");
  e.type = "message";
  e.event_id = "e-1";
  e.offset = 7;
  e.data = std::move(data);
  return e;
}
std::string long_text() { return '"' + std::string(1000, 'a') + '"'; }

std::string_view payload(std::string_view frame) {
  const auto size = static_cast<unsigned char>(frame[1]);
  REQUIRE(size < 127);
  return frame.substr(size < 126 ? 2 : 4);
}
bool is_compressed(std::string_view frame) { return (static_cast<unsigned char>(frame[0]) & 0x40) != 0; }

} // namespace

TEST_CASE("an event is compressed at most once for all who share it", "[frames]") {
  frame_maker frames;
  const auto e = saying(long_text());
  frames.begin(e, false);
  const auto first = frames.frame(deflate);
  const std::string bytes{first};
  const auto uncompressed = frames.frame(plain);
  const auto again = frames.frame(deflate);
  CHECK(again.data() == first.data());
  CHECK(again == bytes);

  CHECK(is_compressed(first));
  CHECK_FALSE(is_compressed(uncompressed));
  CHECK(first.size() < uncompressed.size() / 4);
  inflater expands;
  std::string text;
  REQUIRE(expands.expand(text, payload(first), 10'000) == inflater::outcome::done);
  CHECK(text == payload(uncompressed));
}

TEST_CASE("a frame is that of the event that was begun last", "[frames]") {
  frame_maker frames;
  const auto large = saying(long_text()), small = saying("1");
  frames.begin(large, false);
  CHECK(is_compressed(frames.frame(deflate)));
  frames.begin(small, false);
  CHECK(frames.frame(deflate) == frames.frame(plain));
  CHECK(payload(frames.frame(plain)).find(R"("data":1,)") != std::string_view::npos);
  frames.begin(large, false);
  CHECK(is_compressed(frames.frame(deflate)));
}

TEST_CASE("a small event stays plain", "[frames]") {
  frame_maker frames;
  const auto small = saying("\"hello\"");
  frames.begin(small, false);
  CHECK(frames.frame(deflate).data() == frames.frame(plain).data());
}

TEST_CASE("an event with a key stays plain, and its key can be read in the frame", "[frames]") {
  frame_maker frames;
  auto e = saying(long_text());
  e.key = "cursor-7";
  frames.begin(e, true);
  const auto frame = frames.frame(deflate);
  CHECK_FALSE(is_compressed(frame));
  const auto info = frames.info(deflate);
  CHECK(frame.substr(info.key_at, info.key_size) == "cursor-7");
}

TEST_CASE("the age of an event is the log's, whatever its producer says", "[frames]") {
  frame_maker frames;
  auto e = saying("1");
  e.time_ms = 12345;
  e.kept_ms = 1'700'000'000'000;
  frames.begin(e, false);
  CHECK(frames.info(plain).time_ms == e.kept_ms);
  CHECK(frames.frame(plain).find(R"("time":12345)") != std::string_view::npos);
  e.kept_ms = 0;
  frames.begin(e, false);
  CHECK(frames.info(plain).time_ms == e.time_ms);
}
