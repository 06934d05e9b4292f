#include "broker/delivery.hpp"
#include "tests/broker/room_world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"
#include "tests/support/seeds.hpp"

#include <charconv>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hubbub::broker;
using hubbub::tests::fake_connection;
using hubbub::tests::room_world;

/// What is lost between nodes, and readers that are overtaken, in one room.
namespace {

policy live(overflow when) {
  auto p = room_world::short_tape();
  p.kind = room_kind::live;
  p.when_overtaken = when;
  return p;
}

/// Who reads the room, and how much it should have got.
struct live_reader {
  fake_connection wire;
  recipient to;
  reader r;
  /// What it may see of what was said since it came, and what was lost.
  std::uint64_t passed = 0;
  std::uint64_t got = 0;
  std::uint64_t dropped = 0;
};

class live_world : log_reader {
public:
  explicit live_world(const policy& rules) : world_{rules}, delivery_{*this} {
    world_.room.ready({"live", 0});
  }
  ~live_world() {
    while (!readers_.empty())
      leave(0);
  }
  live_world(const live_world&) = delete;
  live_world& operator=(const live_world&) = delete;

  [[nodiscard]] std::size_t size() const { return readers_.size(); }
  [[nodiscard]] live_reader& at(std::size_t i) { return *readers_[i]; }

  live_reader& join(wire_format f = wire_format::websocket) {
    auto& here = *readers_.emplace_back(std::make_unique<live_reader>());
    here.to.wire = &here.wire;
    here.to.session = {++sessions_};
    here.to.format = f;
    here.r.to = &here.to;
    join_request who;
    who.session = here.to.session;
    who.format = f;
    const auto& there = world_.joined.at(world_.join(std::move(who)));
    if (!audience_)
      audience_ = std::make_unique<audience>(there.from, 0);
    audience_->add(here.r, there.at, there.from->serial());
    return here;
  }
  void leave(std::size_t i) {
    auto& here = *readers_[i];
    audience_->remove(here.r);
    world_.room.leave(here.to.session);
    readers_.erase(readers_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  void say(std::size_t bytes, const std::string& key = {}, session_id kept_from = {}) {
    auto e = std::make_shared<stored_event>();
    e->room = world_.room.name();
    e->event_id = "id";
    e->key = key;
    e->data = '"' + std::string(bytes, 'x') + '"';
    e->excluded = kept_from;
    REQUIRE(world_.room.event_came(e));
    for (auto& r : readers_)
      r->passed += r->to.session != kept_from;
  }
  void lose(std::uint64_t count) {
    world_.room.lost(count);
    for (auto& r : readers_)
      r->passed += count;
  }
  void turn() {
    if (!audience_ || !std::exchange(world_.news, false))
      return;
    auto& shown = audience_->from();
    if (shown.take_news(0))
      audience_->begin_round();
    std::vector<recipient*> marked;
    delivery_.walk(*audience_, true, marked);
  }
  void drain(live_reader& here, std::size_t bytes) {
    const auto was_full = here.wire.blocked();
    if (here.wire.drain(bytes) && was_full)
      delivery_.drained(here.r);
    read(here);
  }
  void settle() {
    for (auto round = 0; round < 3; ++round) {
      turn();
      for (auto& r : readers_)
        drain(*r, SIZE_MAX);
    }
  }

private:
  void pull(reader&) override { FAIL("a live room has no log"); }

  void read(live_reader& here) {
    for (const auto& m : here.wire.messages())
      if (m.find("\"dropped\"") == m.npos) {
        ++here.got;
      } else {
        std::uint64_t n = 0;
        const auto at = m.find("\"count\":");
        REQUIRE(at != m.npos);
        std::from_chars(m.data() + at + 8, m.data() + m.size(), n);
        here.dropped += n;
      }
  }

  room_world world_;
  delivery delivery_;
  std::unique_ptr<audience> audience_;
  std::vector<std::unique_ptr<live_reader>> readers_;
  std::uint64_t sessions_ = 0;
};

void any_order(overflow when) {
  for (std::uint32_t seed = 1; seed <= hubbub::tests::seeds(200); ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    const auto pick = [&](std::size_t below) {
      return std::uniform_int_distribution<std::size_t>{0, below - 1}(random);
    };
    live_world world{live(when)};
    world.join();
    for (auto i = 0; i < 200; ++i) {
      auto& any = world.at(pick(world.size()));
      switch (pick(8)) {
      case 0:
        if (world.size() < 5)
          world.join(pick(2) ? wire_format::websocket : wire_format::websocket_deflate);
        else if (pick(2))
          world.leave(pick(world.size()));
        break;
      case 1:
        world.lose(1 + pick(20));
        break;
      case 2:
        any.wire.room = pick(300);
        break;
      case 3:
        world.drain(any, pick(3) ? pick(900) : SIZE_MAX);
        break;
      case 4:
        world.turn();
        break;
      default:
        for (auto n = pick(8); n > 0; --n)
          world.say(pick(120), pick(2) ? std::string(1, static_cast<char>('a' + pick(4))) : std::string{},
                    pick(4) ? session_id{} : any.to.session);
        if (pick(2))
          world.turn();
      }
    }
    world.settle();
    for (std::size_t i = 0; i < world.size(); ++i) {
      const auto& r = world.at(i);
      CHECK(r.got + r.dropped == r.passed);
    }
  }
}

} // namespace

TEST_CASE("who is overtaken past a loss between nodes is told of all that it did not get", "[room][loss]") {
  const auto when = GENERATE(overflow::drop_oldest, overflow::drop_newest);
  live_world world{live(when)};
  auto& slow = world.join();
  auto& quick = world.join();
  slow.wire.room = 10;
  world.say(50);
  world.turn();
  world.lose(7);
  for (auto i = 0; i < 100; ++i) {
    world.say(50);
    world.turn();
  }
  world.settle();
  CHECK(quick.got == 101);
  CHECK(quick.dropped == 7);
  CHECK(slow.got < 101);
  CHECK(slow.got + slow.dropped == 108);
}

TEST_CASE("a loss that nobody can have counted turns no offsets round", "[room][loss]") {
  live_world world{live(overflow::drop_oldest)};
  auto& quick = world.join();
  world.lose(UINT64_MAX - 3);
  world.say(50);
  world.lose(UINT64_MAX);
  world.say(50);
  world.settle();
  CHECK(quick.got == 2);
  CHECK(quick.dropped == 2 * std::uint64_t{UINT32_MAX});
}

TEST_CASE("drop_oldest, with losses between nodes: sent and dropped are what passed", "[room][loss][model]") {
  any_order(overflow::drop_oldest);
}

TEST_CASE("drop_newest, with losses between nodes: sent and dropped are what passed", "[room][loss][model]") {
  any_order(overflow::drop_newest);
}

TEST_CASE("conflate, with losses between nodes: sent and dropped are what passed", "[room][loss][model]") {
  any_order(overflow::conflate);
}
