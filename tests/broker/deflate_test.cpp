#include "broker/deflate.hpp"
#include "tests/support/catch.hpp"

using namespace hubbub::broker;

namespace {

std::string json_of(std::size_t n) {
  std::string text = "[";
  for (std::size_t i = 0; i < n; ++i)
    text += R"({"op":"event","room":"chat.42","n":)" + std::to_string(i * 7919) + "},";
  return text + "1]";
}

} // namespace

TEST_CASE("a compressed message expands to what it was", "[deflate]") {
  deflater small;
  inflater large;
  for (std::size_t n : {1, 2, 10, 1000, 20'000}) {
    auto json = json_of(n);
    std::string payload = "before", text = "kept";
    if (!small.compress(payload, json)) {
      CHECK(n == 1);
      continue;
    }
    REQUIRE(payload.substr(0, 6) == "before");
    CHECK(payload.size() - 6 < json.size());
    REQUIRE(large.expand(text, std::string_view{payload}.substr(6), json.size()) == inflater::outcome::done);
    CHECK(text == "kept" + json);
  }
}

TEST_CASE("RFC 7692's example expands", "[deflate]") {
  inflater one;
  std::string text;
  CHECK(one.expand(text, std::string_view{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7}, 100) ==
        inflater::outcome::done);
  CHECK(text == "Hello");
  // Section 7.2.3.4: a final block, and the octet that follows it.
  text.clear();
  CHECK(one.expand(text, std::string_view{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8}, 100) ==
        inflater::outcome::done);
  CHECK(text == "Hello");
  // Section 7.2.3.3: a stored block.
  text.clear();
  CHECK(one.expand(text, std::string_view{"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11}, 100) ==
        inflater::outcome::done);
  CHECK(text == "Hello");
}

TEST_CASE("nothing of one message is there for the next", "[deflate]") {
  inflater one;
  std::string text;
  REQUIRE(one.expand(text, std::string_view{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7}, 100) ==
          inflater::outcome::done);
  text.clear();
  // Section 7.2.3.2: the second "Hello" when the first one's window is kept.
  CHECK(one.expand(text, std::string_view{"\xf2\x00\x11\x00\x00", 5}, 100) == inflater::outcome::bad);
  CHECK(text.find("Hello") == text.npos);
}

TEST_CASE("a decompression bomb ends at the limit", "[deflate]") {
  deflater small;
  inflater large;
  std::string bomb, text;
  REQUIRE(small.compress(bomb, std::string(10'000'000, 'a')));
  CHECK(bomb.size() < 100'000);
  CHECK(large.expand(text, bomb, 65'536) == inflater::outcome::too_large);
  CHECK(text.capacity() < 300'000);
}

TEST_CASE("a message may have some final blocks, but each costs a new beginning", "[deflate]") {
  inflater large;
  // A block that is stored, and the last one (RFC 1951 section 3.2.4).
  const std::string one{"\x01\x01\x00\xfe\xff"
                        "a",
                        6},
      empty{"\x03\x00", 2};
  std::string text;
  CHECK(large.expand(text, one + one + empty + one, 100) == inflater::outcome::done);
  CHECK(text == "aaa");
  std::string many;
  for (auto i = 0; i < 1000; ++i)
    many += empty;
  text.clear();
  CHECK(large.expand(text, many, 100) == inflater::outcome::bad);
}

TEST_CASE("what is not worth compressing, or cut short, is refused", "[deflate]") {
  deflater small;
  inflater large;
  std::string out = "x", text;
  CHECK_FALSE(small.compress(out, "{}"));
  CHECK_FALSE(small.compress(out, "q8Zk3Lw0"));
  CHECK(out == "x");
  out.clear();
  REQUIRE(small.compress(out, json_of(100)));
  CHECK(large.expand(text, std::string_view{out}.substr(0, out.size() / 2), 1'000'000) ==
        inflater::outcome::bad);
  text.clear();
  CHECK(large.expand(text, "\xff\xff\xff\xff", 100) == inflater::outcome::bad);
}
