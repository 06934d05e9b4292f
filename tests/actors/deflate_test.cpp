#include "tests/actors/actor_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;
using strings = std::vector<std::string>;

namespace {

constexpr auto deflate = broker::wire_format::websocket_deflate;

/// Worth compressing.
std::string long_text(char c) { return std::string(900, c); }

} // namespace

TEST_CASE_METHOD(actor_fixture, "all who share an event get the same compressed bytes", "[actors][deflate]") {
  auto& ann = connect();
  std::vector<client*> readers{&connect_to(0, deflate), &connect_to(0, deflate),
                               &connect_to(static_cast<std::uint32_t>(loops.size()) - 1, deflate)};
  for (auto* r : readers)
    r->ask(join("chat.news"));
  ann.ask(publish("chat.news", long_text('a')));
  const auto bytes = readers[0]->wire.out;
  REQUIRE_FALSE(bytes.empty());
  CHECK(static_cast<unsigned char>(bytes[0]) == 0xc1); // final, text, RSV1
  CHECK(bytes.size() < 400);
  for (auto* r : readers) {
    CHECK(r->wire.out == bytes);
    CHECK(r->events() == strings{long_text('a')});
  }
}

TEST_CASE_METHOD(actor_fixture, "who reads on from the log gets compressed frames, too",
                 "[actors][deflate]") {
  auto& ann = connect();
  auto& bob = connect_to(0, deflate);
  bob.ask(join("small.news"));
  bob.wire.room = 100;
  for (auto i = 0; i < 40; ++i)
    ann.ask(publish("small.news", long_text(static_cast<char>('a' + i % 26))));
  bob.drain(SIZE_MAX);
  const auto got = bob.events();
  REQUIRE(got.size() >= 5);
  CHECK(got.back() == long_text('n'));
  CHECK(bob.wire.compressed == got.size());
}

TEST_CASE_METHOD(actor_fixture,
                 "a reader of a namespace with deflate = false gets uncompressed frames, from the tape and "
                 "from the log",
                 "[actors][deflate]") {
  auto& ann = connect();
  auto& bob = connect_to(0, deflate);
  bob.ask(join("plain.news"));
  strings sent;
  const auto say = [&] {
    sent.push_back(long_text(static_cast<char>('a' + sent.size() % 26)));
    ann.ask(publish("plain.news", sent.back()));
  };
  say();
  CHECK(bob.events() == sent); // from the tape
  sent.clear();
  bob.wire.room = 1000;
  for (auto i = 0; i < 40; ++i)
    say();
  const auto before = node->context().counts.log_pulls.value();
  bob.drain(SIZE_MAX);
  CHECK(node->context().counts.log_pulls.value() > before);
  CHECK(bob.events() == sent);
  sent.clear();
  say();
  CHECK(bob.events() == sent);
  CHECK(bob.wire.compressed == 0);
}
