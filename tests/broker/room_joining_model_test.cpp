#include "tests/broker/joining_world.hpp"
#include "tests/support/seeds.hpp"

#include <array>
#include <random>

using namespace hubbub::broker;
using namespace hubbub::tests;

namespace {

/// Sessions that come, go and come again while a log answers late, out of order, or not at all.
class schedule {
public:
  explicit schedule(std::uint32_t seed) : random_{seed}, trims_{seed % 2 == 0}, world_{rules()} {
    if (pick(2))
      for (auto n = pick(40); n > 0; --n)
        world_.keep(1 + pick(3));
    world_.unhear(); // it begins behind them
    world_.room.ready(world_.head());
  }

  void run() {
    for (auto i = 0; i < 200; ++i) {
      step();
      look();
    }
    world_.settle();
    look();
    std::size_t in = 0;
    for (auto& s : sessions_) {
      CHECK(s.asked == 0);
      in += s.in;
    }
    CHECK(world_.room.readers() == in);
    CHECK(world_.twice.empty());
    for (std::uint64_t id = 1; id <= world_.joins(); ++id)
      CHECK(world_.is_answered(id));
    for (std::size_t i = 0; i < sessions_.size(); ++i)
      world_.room.leave(name_of(i));
    CHECK(world_.room.readers() == 0);
    CHECK(world_.room.may_end(milliseconds{0}));
  }

private:
  struct session {
    /// The join that it waits for; 0: none.
    std::uint64_t asked = 0;
    join_request what;
    bool in = false;
  };

  std::uint32_t pick(std::uint32_t below) {
    return std::uniform_int_distribution<std::uint32_t>{0, below - 1}(random_);
  }
  static policy rules() {
    auto p = room_world::short_tape();
    p.history_size = 100'000;
    return p;
  }
  static session_id name_of(std::size_t i) { return {i + 1}; }

  void step() {
    switch (pick(12)) {
    case 0:
    case 1:
    case 2:
      return come(pick(static_cast<std::uint32_t>(sessions_.size())));
    case 3:
    case 4:
      return go(pick(static_cast<std::uint32_t>(sessions_.size())));
    case 5:
    case 6:
      if (world_.held() > 0)
        world_.answer(pick(static_cast<std::uint32_t>(world_.held())));
      return;
    case 7:
      if (world_.held() > 0)
        world_.look_up(pick(static_cast<std::uint32_t>(world_.held())));
      return;
    case 8:
      for (auto n = pick(8); n > 0; --n)
        world_.keep(1 + pick(3));
      return;
    case 9:
      for (auto n = pick(8); n > 0; --n)
        world_.hear();
      return;
    case 10:
      std::ignore = world_.tick();
      std::ignore = world_.mind_log();
      world_.time.advance(milliseconds{pick(400)});
      return;
    default:
      return misfortune();
    }
  }

  void misfortune() {
    switch (pick(8)) {
    case 0:
      world_.begin_anew();
      for (std::size_t i = 0; i < sessions_.size(); ++i)
        if (sessions_[i].in) // sent away
          go(i);
      return;
    case 1:
      if (world_.held() > 0)
        world_.fail(pick(static_cast<std::uint32_t>(world_.held())));
      return;
    default:
      if (trims_)
        for (auto n = pick(6); n > 0; --n)
          world_.trim();
    }
  }

  void come(std::size_t i) {
    auto& s = sessions_[i];
    if (s.in || s.asked != 0)
      return;
    s.what = {};
    s.what.session = name_of(i);
    s.what.whole_history = pick(2) == 0;
    switch (pick(5)) {
    case 0:
      break;
    case 1:
      s.what.history = 1 + pick(60);
      break;
    case 2:
      s.what.since = stream_position{"epoch-0", pick(5)};
      break;
    default: // what the log has given, whether the room has heard of it or not
      s.what.since = stream_position{world_.head().epoch, 0};
      if (!world_.events().empty() && pick(6) != 0)
        s.what.since->offset =
            world_.events()[pick(static_cast<std::uint32_t>(world_.events().size()))]->offset;
    }
    s.asked = world_.joins() + 1;
    of_join_[s.asked] = i;
    world_.join(s.what);
  }

  void go(std::size_t i) {
    world_.room.leave(name_of(i));
    sessions_[i].in = false;
    sessions_[i].asked = 0;
  }

  /// At what was answered since the last step.
  void look() {
    for (auto it = of_join_.begin(); it != of_join_.end();) {
      const auto [id, i] = *it;
      auto& s = sessions_[i];
      const auto waits = s.asked == id;
      if (const auto no = world_.refused.find(id); no != world_.refused.end()) {
        if (waits) {
          CHECK(no->second.code == errc::unavailable);
          s.asked = 0;
        }
      } else if (const auto yes = world_.joined.find(id); yes != world_.joined.end()) {
        REQUIRE(waits); // nobody would read
        check(s.what, yes->second);
        s.asked = 0;
        s.in = true;
      } else {
        ++it;
        continue;
      }
      it = of_join_.erase(it);
    }
  }

  void check(const join_request& what, const join_answer& there) {
    const auto& at = there.what.position;
    CHECK(at.epoch == world_.head().epoch);
    if (!what.since) {
      CHECK_FALSE(there.what.recovered);
      if (!what.history)
        return;
      const auto& all = world_.events();
      const auto follow = std::ranges::count_if(all, [&](const auto& e) { return e->offset > at.offset; });
      if (!trims_)
        CHECK(static_cast<std::size_t>(follow) >= std::min<std::size_t>(*what.history, all.size()));
      return;
    }
    REQUIRE(there.what.recovered);
    const auto same_life = what.since->epoch == world_.head().epoch;
    if (*there.what.recovered) {
      CHECK(same_life);
      CHECK(at.offset == what.since->offset);
      CHECK_FALSE(there.hole);
      return;
    }
    REQUIRE(there.hole);
    CHECK(there.hole->from == what.since->offset);
    if (same_life) {
      // Nothing is thought to be missing as long as what it had is there, or was given up last of all.
      CHECK(world_.trimmed() >= std::max<std::uint64_t>(what.since->offset, 1));
      CHECK((!there.hole->to || *there.hole->to > what.since->offset));
    } else if (there.hole->to && !trims_) {
      CHECK(*there.hole->to == world_.events().front()->offset);
      CHECK(at.offset == *there.hole->to - 1);
    }
  }

  std::mt19937 random_;
  bool trims_;
  room_world world_;
  std::array<session, 5> sessions_;
  /// Joins that are not answered yet, and whose they are.
  std::map<std::uint64_t, std::size_t> of_join_;
};

} // namespace

TEST_CASE("whoever joins, leaves and joins again while the log is slow is where it belongs, and nowhere else",
          "[room][joining][model]") {
  for (std::uint32_t seed = 1; seed <= hubbub::tests::seeds(400); ++seed) {
    CAPTURE(seed);
    schedule{seed}.run();
  }
}

TEST_CASE("whatever positions readers come with, each is told the truth, and the log is asked little",
          "[room][joining][model]") {
  for (std::uint32_t seed = 1; seed <= hubbub::tests::seeds(200); ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    const auto pick = [&](std::uint64_t below) {
      return std::uniform_int_distribution<std::uint64_t>{0, below - 1}(random);
    };
    auto rules = room_world::short_tape();
    rules.history_size = 100'000;
    room_world world{rules};
    world.room.ready(world.head());
    world.join(watcher);
    for (auto n = 40 + pick(60); n > 0; --n) {
      world.keep(1 + pick(4));
      world.hear();
    }
    // Never as far as the tape, which has what it has.
    for (auto n = pick(60); n > 0 && world.events().size() > 25; --n)
      world.trim();
    std::map<std::uint64_t, std::uint64_t> since;
    std::size_t answers = 0;
    for (auto n = 1 + pick(150); n > 0; --n) {
      const auto offset = pick(world.head().offset + 1); // perhaps no event's own
      since[world.join(world.joins() + 1, stream_position{world.head().epoch, offset})] = offset;
      if (world.held() > 0 && pick(40) == 0) {
        world.answer(pick(world.held()));
        ++answers;
      }
    }
    world.settle();
    CHECK(world.twice.empty());
    for (const auto& [id, offset] : since) {
      CAPTURE(offset, world.trimmed());
      const auto& there = world.joined.at(id);
      const auto whole = offset >= world.trimmed();
      CHECK(there.what.recovered == whole);
      CHECK(there.hole.has_value() == !whole);
      if (whole)
        CHECK(there.what.position.offset == offset);
      if (!there.hole)
        continue;
      CHECK(there.hole->from == offset);
      CHECK(there.hole->to == world.events().front()->offset);
      CHECK(there.what.position.offset == world.events().front()->offset - 1);
    }
    // Two for all; each answer in between lets one more begin; and a boundary in the log is found by halves.
    CHECK(world.reads <= (2 + answers) * 9);
    if (world.trimmed() == 0)
      CHECK(world.reads <= 2 + answers);
  }
}
