#include "tests/cluster/bus_kit.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <chrono>

/// What every bus does with what is published; see bus_kit.hpp.
namespace hubbub::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a published event is kept, delivered and confirmed, once each", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  const auto head = chat.seen().ready();
  CHECK(head.offset == 0);
  CHECK_FALSE(head.epoch.empty());

  auto e = chat.event(R"({"text":"hello"})");
  e.type = "greeting";
  e.key = "k";
  e.from = "ann";
  e.event_id = "id-1";
  e.time_ms = 12'345;
  e.data = "aGVsbG8=";
  e.encoding = broker::data_encoding::base64;
  e.excluded.value = 0xfedcba9876543210;
  const auto p = chat.publish(e);
  REQUIRE(p.stored);
  CHECK(p.what.position.epoch == head.epoch);
  CHECK(p.what.event_id == "id-1");
  CHECK_FALSE(p.what.duplicate);

  const auto delivered = chat.seen().events();
  REQUIRE(delivered.size() == 1);
  const auto kept = read(*bus, after("chat.1", 0)).events;
  REQUIRE(kept.size() == 1);
  for (const auto& x : {delivered.front(), kept.front()}) {
    CHECK(x->room == chat.name());
    CHECK(x->data == e.data);
    CHECK(x->type == e.type);
    CHECK(x->key == e.key);
    CHECK(x->from == e.from);
    CHECK(x->event_id == e.event_id);
    CHECK(x->time_ms == e.time_ms);
    CHECK(x->encoding == e.encoding);
    CHECK(x->excluded == e.excluded);
    CHECK(x->offset == p.what.position.offset);
    CHECK(x->previous == 0);
  }
  CHECK_FALSE(chat.seen().broke_the_rules());
}

TEST_CASE("an event without id or time gets both from the log", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  const auto p = chat.publish(chat.event("1"));
  REQUIRE(p.stored);
  const auto id = kit->is_exact() ? p.what.position.epoch + "-" + std::to_string(p.what.position.offset)
                                  : p.what.event_id;
  CHECK(p.what.event_id == id);
  CHECK_FALSE(id.empty());
  REQUIRE(chat.seen().events().size() == 1);
  CHECK(chat.seen().events().front()->event_id == id);
  CHECK(chat.seen().events().front()->time_ms > 0);
}

TEST_CASE("offsets rise within a room, and each event names the one before it", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  room_double one{*bus, "chat.1"};
  room_double two{*bus, "chat.2"};
  for (auto i = 0; i < 20; ++i) {
    one.keep("1");
    two.keep("2");
  }
  for (auto* r : {&one, &two}) {
    const auto delivered = r->seen().events();
    REQUIRE(delivered.size() == 20);
    for (std::size_t i = 1; i < delivered.size(); ++i) {
      CHECK(delivered[i]->offset > delivered[i - 1]->offset);
      CHECK(delivered[i]->previous == delivered[i - 1]->offset);
    }
    const auto kept = read(*bus, after(r->name().str(), 0)).events;
    CHECK(offsets_of(kept) == offsets_of(delivered));
    REQUIRE(kept.size() == 20);
    CHECK(kept[7]->previous == kept[6]->offset);
  }
}

TEST_CASE("what was published before the interest is behind the head it begins with", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  std::uint64_t last = 0;
  {
    room_double chat{*bus, "chat.1"};
    chat.keep("1");
    last = chat.keep("2");
  }
  room_double again{*bus, "chat.1"};
  CHECK(again.seen().ready().offset == last);
  again.keep("3");
  CHECK(data_of(again.seen().events()) == texts{"3"});
  CHECK(again.seen().events().front()->previous == last);
}

TEST_CASE("a newer interest takes the place of an older one", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  room_double old{*bus, "chat.1"};
  old.keep("1");
  room_double chat{*bus, "chat.1"};
  chat.seen().ready();

  const auto p = old.publish(old.event("lost?"));
  CHECK_FALSE(p.stored);
  CHECK(p.refused.why.code == broker::errc::unavailable);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
  chat.keep("2");
  CHECK(data_of(chat.seen().events()) == texts{"2"});
  CHECK(data_of(old.seen().events()) == texts{"1"});
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"1", "2"});
}

TEST_CASE("the same id of the same user is kept once within the window", "[conformance]") {
  const auto kind = GENERATE(from_range(kinds()));
  auto kit = make_kit(kind);
  broker::policy rules;
  rules.dedup_window = 2min;
  rules.history_size = 3;
  auto bus = kit->open(broker::namespaces{rules});
  room_double chat{*bus, "chat.1"};
  room_double other{*bus, "chat.2"};
  auto e = chat.event("first");
  e.from = "ann";
  e.event_id = "a";
  const auto first = chat.publish(e);
  REQUIRE(first.stored);
  // Remembered for longer than it is kept.
  for (auto i = 0; i < 5; ++i)
    chat.keep("more");

  kit->advance(2min - 1ms);
  e.data = R"("again")";
  const auto again = chat.publish(e);
  REQUIRE(again.stored);
  CHECK(again.what.duplicate);
  CHECK(again.what.position == first.what.position);
  CHECK(again.what.event_id == "a");
  CHECK(chat.seen().events().size() == 6);

  auto by_another = e;
  by_another.from = "bob";
  CHECK_FALSE(chat.publish(by_another).what.duplicate);
  auto elsewhere = e;
  elsewhere.room = other.name();
  CHECK_FALSE(other.publish(elsewhere).what.duplicate);

  if (kind == "jetstream")
    return; // its time goes by itself: see nats_publish_test.cpp
  kit->advance(1ms);
  const auto late = chat.publish(e);
  REQUIRE(late.stored);
  CHECK_FALSE(late.what.duplicate);
  CHECK(late.what.position.offset > first.what.position.offset);
  CHECK(chat.publish(e).what.position == late.what.position);
}

TEST_CASE("nothing is de-duplicated where the window is zero", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  broker::policy rules;
  rules.dedup_window = 0ms;
  auto bus = kit->open(broker::namespaces{rules});
  room_double chat{*bus, "chat.1"};
  auto e = chat.event("1");
  e.event_id = "a";
  CHECK_FALSE(chat.publish(e).what.duplicate);
  CHECK_FALSE(chat.publish(e).what.duplicate);
}

TEST_CASE("a live room has an interest and no log", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  broker::policy live;
  live.kind = broker::room_kind::live;
  auto bus = kit->open(broker::namespaces{{}, {{"live", live}}});
  room_double typing{*bus, "live.typing"};
  const auto head = typing.seen().ready();
  CHECK(head.offset == 0);
  CHECK_FALSE(head.epoch.empty());
  typing.interest().broadcast(typing.event("1"));
  auto e = typing.event("1");
  e.event_id = "x";
  const auto p = typing.publish(e);
  CHECK_FALSE(p.stored);
  CHECK(p.refused.why.code == broker::errc::internal);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
  CHECK(p.refused.event_id == "x");
  CHECK(typing.seen().events().empty());
  CHECK(read(*bus, after("live.typing", 0)).events.empty());
}

TEST_CASE("an interest that ended hears nothing more, and may outlive the bus", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  auto seen = std::make_shared<recording_handler>();
  auto ended = bus->want(room("chat.1"), seen);
  seen->ready();
  ended.reset();
  room_double chat{*bus, "chat.1"};
  chat.keep("1");
  CHECK(seen->events().empty());

  bus.reset();
  chat.publish(chat.event("late"));
  CHECK_FALSE(chat.seen().broke_the_rules());
}

TEST_CASE("a bus that ends answers the reads that wait, and does not do them first", "[conformance]") {
  const auto kind = GENERATE(from_range(kinds()));
  auto kit = make_kit(kind);
  auto bus = kit->open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  for (auto i = 0; i < 1000; ++i)
    chat.send(chat.event(std::string(100, 'x')));
  chat.seen().until_answers(1000);
  constexpr auto reads = 10'000;
  std::atomic<int> answered{0}, told{0};
  const auto count = [&](const broker::read_result& r) {
    told += r.why.code == broker::errc::unavailable;
    ++answered;
  };
  // A log that answers on a thread of its own is held up until all the others wait together.
  std::atomic<bool> held{false}, go{kind == "memory"};
  bus->read(after("chat.1", 0), [&](const broker::read_result& r) {
    held = true;
    go.wait(false);
    count(r);
  });
  REQUIRE(eventually([&] { return held.load(); }));
  for (auto i = 1; i < reads; ++i)
    bus->read(after("chat.1", 0), count);
  go = true;
  go.notify_all();
  REQUIRE(eventually([&] { return answered > 1; }));
  bus.reset();
  CHECK(answered == reads);
  if (kind != "memory")
    CHECK(told > 0);
}

TEST_CASE("a bus says what it promises, and that it is well", "[conformance]") {
  const auto kind = GENERATE(from_range(kinds()));
  auto kit = make_kit(kind);
  auto bus = kit->open(broker::namespaces{});
  CHECK(bus->health().code == broker::errc::ok);
  CHECK(bus->promises().storage == kind.substr(0, kind.find(',')));
  CHECK(bus->promises().sentence.size() > 40);
}

} // namespace
} // namespace hubbub::test
