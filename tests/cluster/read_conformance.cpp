#include "tests/cluster/bus_kit.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <chrono>

/// What every bus answers to `read`; see bus_kit.hpp.
namespace hubbub::test {
namespace {

using namespace std::chrono_literals;

/// Five rooms' worth of history in one: a to e at `at[0]` to `at[4]`, with another room's events between.
struct five_events {
  explicit five_events(const std::string& kind, broker::policy rules = {})
      : kit{make_kit(kind)},
        bus{kit->open(broker::namespaces{rules})},
        chat{*bus, "chat.1"},
        other{*bus, "chat.2"} {
    for (const auto* data : {"a", "b", "c", "d", "e"}) {
      at.push_back(chat.keep(data));
      other.keep("x");
    }
  }
  std::unique_ptr<bus_kit> kit;
  std::unique_ptr<broker::event_bus> bus;
  room_double chat, other;
  offsets at;
};

TEST_CASE("a read gives the events between two positions, oldest first", "[conformance]") {
  five_events t{GENERATE(from_range(kinds()))};
  auto all = read(*t.bus, after("chat.1", 0));
  CHECK(all.why.code == broker::errc::ok);
  CHECK(data_of(all.events) == texts{"a", "b", "c", "d", "e"});
  CHECK(offsets_of(all.events) == t.at);
  CHECK(all.complete);
  CHECK_FALSE(all.more);
  CHECK(all.head == broker::stream_position{t.chat.seen().ready().epoch, t.at[4]});

  auto some = after("chat.1", t.at[0]);
  some.before = t.at[3];
  CHECK(data_of(read(*t.bus, some).events) == texts{"b", "c"});
  // Bounds that are nobody's offset.
  some.after = t.at[0] + 1;
  some.before = t.at[3] + 1;
  CHECK(data_of(read(*t.bus, some).events) == texts{"b", "c", "d"});
  some.before = some.after;
  CHECK(read(*t.bus, some).events.empty());
  CHECK(read(*t.bus, after("chat.1", t.at[4])).events.empty());
  CHECK(read(*t.bus, after("chat.1", t.at[4])).complete);
}

TEST_CASE("a limit takes the oldest of a range, or the newest, and says that there is more",
          "[conformance]") {
  five_events t{GENERATE(from_range(kinds()))};
  auto what = after("chat.1", t.at[0]);
  what.limit = 2;
  auto r = read(*t.bus, what);
  CHECK(data_of(r.events) == texts{"b", "c"});
  CHECK(r.more);
  what.newest = true;
  r = read(*t.bus, what);
  CHECK(data_of(r.events) == texts{"d", "e"});
  CHECK(r.more);
  what.before = t.at[4];
  CHECK(data_of(read(*t.bus, what).events) == texts{"c", "d"});
  what.limit = 4;
  what.before = 0;
  r = read(*t.bus, what);
  CHECK(data_of(r.events) == texts{"b", "c", "d", "e"});
  CHECK_FALSE(r.more);
  what.limit = 0;
  r = read(*t.bus, what);
  CHECK(r.events.empty());
  CHECK(r.more);
  CHECK(r.head.offset == t.at[4]);
}

TEST_CASE("a read stops before it has too many bytes, but gives one event at least", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  for (auto c : {'a', 'b', 'c'})
    chat.keep(std::string(100, c));
  auto what = after("chat.1", 0);
  const auto one = broker::most_frame_bytes(*read(*bus, what).events.front());
  what.limit_bytes = 3 * one - 1;
  auto r = read(*bus, what);
  CHECK(r.events.size() == 2);
  CHECK(r.more);
  what.limit_bytes = 1;
  what.newest = true;
  r = read(*bus, what);
  REQUIRE(r.events.size() == 1);
  CHECK(data_of(r.events)[0][0] == 'c');
  CHECK(r.more);
  what.offsets_only = true; // which take no bytes
  r = read(*bus, what);
  REQUIRE(r.events.size() == 3);
  CHECK(r.events[0]->offset < r.events[1]->offset);
  CHECK_FALSE(r.more);
}

TEST_CASE("a room keeps the newest events, as many as its namespace says", "[conformance]") {
  broker::policy rules;
  rules.history_size = 3;
  five_events t{GENERATE(from_range(kinds())), rules};
  const auto r = read(*t.bus, after("chat.1", 0));
  CHECK(data_of(r.events) == texts{"c", "d", "e"});
  CHECK_FALSE(r.complete);
  CHECK(r.head.offset == t.at[4]);
}

TEST_CASE("a read is complete exactly when nothing after its position was trimmed", "[conformance]") {
  const auto kind = GENERATE(from_range(kinds()));
  broker::policy rules;
  rules.history_size = 3;
  five_events t{kind, rules};
  CHECK_FALSE(read(*t.bus, after("chat.1", t.at[0])).complete);
  CHECK_FALSE(read(*t.bus, after("chat.1", t.at[1] - 1)).complete);
  // b itself is gone, but nothing after it: with others' events between, JetStream does not know that.
  CHECK(read(*t.bus, after("chat.1", t.at[1])).complete == t.kit->is_exact());
  room_double chat{*t.bus, "chat.1"};
  for (const auto* data : {"f", "g", "h"})
    chat.keep(data);
  const auto f = read(*t.bus, after("chat.1", 0)).events.front()->offset;
  CHECK(read(*t.bus, after("chat.1", f - 1)).complete);
}

TEST_CASE("a read from a position that the log keeps is complete", "[conformance]") {
  const auto kind = GENERATE(from_range(kinds()));
  broker::policy rules;
  rules.history_size = 3;
  five_events t{kind, rules};
  CHECK(read(*t.bus, after("chat.1", t.at[2])).complete);
  CHECK(read(*t.bus, after("chat.1", t.at[4])).complete);
  // A position that this log never gave out.
  CHECK_FALSE(read(*t.bus, after("chat.1", t.at[4] + 1)).complete);
  CHECK_FALSE(read(*t.bus, after("chat.1", ~0ull)).complete);
  CHECK(read(*t.bus, after("chat.1", ~0ull)).events.empty());
}

TEST_CASE("a room that nobody knows is complete from the beginning only", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  auto bus = kit->open(broker::namespaces{});
  const auto from_start = read(*bus, after("chat.never", 0));
  CHECK(from_start.complete);
  CHECK(from_start.events.empty());
  CHECK(from_start.head.offset == 0);
  CHECK_FALSE(from_start.head.epoch.empty());
  CHECK_FALSE(read(*bus, after("chat.never", 5)).complete);
}

TEST_CASE("events that are too old never come out again", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(timed_kinds())));
  broker::policy rules;
  rules.history_age = 1min;
  auto bus = kit->open(broker::namespaces{rules});
  room_double chat{*bus, "chat.1"};
  const auto a = chat.keep("a");
  kit->advance(30s);
  const auto b = chat.keep("b");
  kit->advance(30s - 1ms);
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a", "b"});
  kit->advance(1ms);
  auto r = read(*bus, after("chat.1", 0));
  CHECK(data_of(r.events) == texts{"b"});
  CHECK_FALSE(r.complete);
  CHECK(read(*bus, after("chat.1", a)).complete);

  kit->advance(30s);
  r = read(*bus, after("chat.1", 0));
  CHECK(r.events.empty());
  CHECK_FALSE(r.complete);
  CHECK_FALSE(r.more);
  CHECK(r.head.offset == b);
  CHECK_FALSE(read(*bus, after("chat.1", a)).complete);
  CHECK(read(*bus, after("chat.1", b)).complete);

  const auto c = chat.keep("c");
  CHECK(c > b);
  CHECK(chat.seen().events().back()->previous == b);
  CHECK(read(*bus, after("chat.1", b)).complete);
  CHECK(data_of(read(*bus, after("chat.1", b)).events) == texts{"c"});
}

TEST_CASE("what was trimmed is known when the room has no events and no interest", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(timed_kinds())));
  broker::policy rules;
  rules.history_age = 1min;
  auto bus = kit->open(broker::namespaces{rules});
  std::uint64_t a = 0, b = 0;
  {
    room_double chat{*bus, "chat.1"};
    a = chat.keep("a");
    b = chat.keep("b");
  }
  kit->advance(24h);
  CHECK_FALSE(read(*bus, after("chat.1", 0)).complete);
  CHECK_FALSE(read(*bus, after("chat.1", a)).complete);
  CHECK(read(*bus, after("chat.1", b)).complete);
  room_double again{*bus, "chat.1"};
  CHECK(again.seen().ready().offset == b);
}

TEST_CASE("a room of size zero delivers and keeps nothing", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  broker::policy rules;
  rules.history_size = 0;
  auto bus = kit->open(broker::namespaces{rules});
  room_double chat{*bus, "chat.1"};
  const auto a = chat.keep("a");
  CHECK(data_of(chat.seen().events()) == texts{"a"});
  CHECK(read(*bus, after("chat.1", 0)).events.empty());
  CHECK_FALSE(read(*bus, after("chat.1", 0)).complete);
  CHECK(read(*bus, after("chat.1", a)).complete);
}

TEST_CASE("an age of zero means that events do not grow too old", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  broker::policy rules;
  rules.history_age = 0ms;
  auto bus = kit->open(broker::namespaces{rules});
  room_double chat{*bus, "chat.1"};
  chat.keep("a");
  kit->advance(24h * 365);
  CHECK(data_of(read(*bus, after("chat.1", 0)).events) == texts{"a"});
}

TEST_CASE("a read that may not reach far back treats older events as trimmed", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(timed_kinds())));
  auto bus = kit->open(broker::namespaces{});
  room_double chat{*bus, "chat.1"};
  const auto start = broker::manual_clock{}.unix_ms();
  const auto a = chat.keep("a");
  kit->advance(1min);
  chat.keep("b");
  auto what = after("chat.1", 0);
  what.not_before_ms = start;
  CHECK(data_of(read(*bus, what).events) == texts{"a", "b"});
  CHECK(read(*bus, what).complete);
  what.not_before_ms = start + 1;
  CHECK(data_of(read(*bus, what).events) == texts{"b"});
  CHECK_FALSE(read(*bus, what).complete);
  what.after = a;
  CHECK(read(*bus, what).complete);
  what.newest = true;
  what.after = 0;
  what.limit = 1;
  CHECK_FALSE(read(*bus, what).more);
}

TEST_CASE("each namespace has its own limits, and those not declared the default's", "[conformance]") {
  auto kit = make_kit(GENERATE(from_range(kinds())));
  broker::policy two, one;
  two.history_size = 2;
  one.history_size = 1;
  auto bus = kit->open(broker::namespaces{two, {{"one", one}}});
  room_double a{*bus, "one.a"}, b{*bus, "other.b"};
  for (const auto* data : {"1", "2", "3"}) {
    a.keep(data);
    b.keep(data);
  }
  CHECK(data_of(read(*bus, after("one.a", 0)).events) == texts{"3"});
  CHECK(data_of(read(*bus, after("other.b", 0)).events) == texts{"2", "3"});
}

} // namespace
} // namespace hubbub::test
