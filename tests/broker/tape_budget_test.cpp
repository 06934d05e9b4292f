#include "broker/tape_budget.hpp"

#include "broker/tape.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace hubbub::broker;

namespace {

std::string line_of(std::uint64_t offset, std::size_t size) {
  auto text = std::to_string(offset) + ":";
  text.resize(std::max(size, text.size()), 'x');
  return text + "\n";
}

void append_lines(tape& t, std::uint64_t from, std::uint64_t to, std::size_t size) {
  for (auto o = from; o <= to; ++o) {
    frame_info info;
    info.offset = o;
    t.append(line_of(o, size), info);
  }
}

std::string all_of(const tape& t) {
  const auto v = t.look();
  std::vector<std::string_view> pieces;
  std::vector<std::uint64_t> places;
  v.slices(v.tail().place, {}, pieces, places);
  std::string text;
  for (auto p : pieces)
    text += p;
  return text;
}

std::string lines(std::uint64_t from, std::uint64_t to, std::size_t size) {
  std::string text;
  for (auto o = from; o <= to; ++o)
    text += line_of(o, size);
  return text;
}

bool has_all(const tape& t) { return t.look().find(0).has_value(); }

constexpr std::uint64_t seven_eighths(std::uint64_t of) { return of - of / 8; }

} // namespace

TEST_CASE("a large tape that nobody writes to any more makes room for small ones", "[tape][budget]") {
  tape_budget budget{400'000};
  tape huge{{1 << 20}, budget, 0};
  append_lines(huge, 1, 300, 1000);
  REQUIRE(has_all(huge));
  std::deque<tape> small;
  for (auto i = 0; i < 40; ++i) {
    append_lines(small.emplace_back(tape::options{1 << 20}, budget, 0), 1, 20, 100);
    CHECK(budget.used() <= seven_eighths(budget.limit()));
  }
  for (const auto& t : small)
    CHECK(all_of(t) == lines(1, 20, 100));
  CHECK(budget.given_up() > 0);
  const auto tail = huge.look().tail().offset;
  CHECK(tail > 0);
  CHECK(all_of(huge) == lines(tail + 1, 300, 1000));
  append_lines(huge, 301, 310, 1000);
  CHECK(all_of(huge).ends_with(lines(300, 310, 1000)));
}

TEST_CASE("of large tapes the largest gives up first, so that all end up alike", "[tape][budget]") {
  tape_budget budget{1 << 20};
  tape first{{1 << 20}, budget, 0};
  tape second{{1 << 20}, budget, 0};
  append_lines(first, 1, 600, 1000);
  append_lines(second, 1, 100, 1000);
  REQUIRE(has_all(first));
  REQUIRE(has_all(second));
  append_lines(second, 101, 300, 1000);
  CHECK_FALSE(has_all(first));
  CHECK(has_all(second));
  append_lines(second, 301, 2000, 1000);
  CHECK_FALSE(has_all(second));
  const auto apart = static_cast<std::int64_t>(first.bytes()) - static_cast<std::int64_t>(second.bytes());
  CHECK(std::abs(apart) <= 2 * 65'536);
  CHECK(budget.used() == first.bytes() + second.bytes());
  CHECK(budget.used() <= seven_eighths(budget.limit()));
}

TEST_CASE("a tape keeps its newest segment, whatever the budget", "[tape][budget]") {
  tape_budget budget{1000};
  tape t{{1 << 20}, budget, 0};
  for (std::uint64_t o = 1; o <= 500; ++o) {
    append_lines(t, o, o, 300);
    REQUIRE(t.look().head().offset == o);
    REQUIRE(all_of(t).ends_with(line_of(o, 300)));
    // One that is large would be kept, too.
    REQUIRE(t.bytes() <= 8192);
  }
}

TEST_CASE("what a conflating tape keeps of each key is given up, too, when nothing else is left",
          "[tape][budget]") {
  tape_budget budget{60'000};
  tape t{{8192, 1000}, budget, 0};
  const auto say = [&t](std::uint64_t o) {
    const auto key = "key" + std::to_string(o);
    frame_info info;
    info.offset = o;
    info.key_size = static_cast<std::uint16_t>(key.size());
    t.append(key + std::string(200, '.'), info);
  };
  for (std::uint64_t o = 1; o <= 600; ++o) {
    say(o);
    REQUIRE(budget.used() <= seven_eighths(budget.limit()));
  }
  const auto look = t.look_overtaken({}, 0);
  REQUIRE_FALSE(look.newest.empty());
  CHECK(look.newest.size() < 500);
  CHECK(look.newest.back().offset == look.view.tail().offset);
}

TEST_CASE("what is charged and given up comes to nothing when all tapes have ended", "[tape][budget]") {
  tape_budget budget{100'000};
  {
    std::deque<tape> all;
    for (auto i = 0; i < 30; ++i)
      append_lines(all.emplace_back(tape::options{1 << 16, i % 2 ? 10u : 0u}, budget, 0), 1, 100, 100);
  }
  CHECK(budget.used() == 0);
}

/// As rooms on four loops are, which share a node's budget; for ThreadSanitizer above all.
TEST_CASE("on four loops together tapes stay within the budget, and small ones keep theirs",
          "[tape][budget][threads]") {
  constexpr std::uint64_t most = 6000;
  tape_budget budget{2 << 20};
  struct on_loop {
    explicit on_loop(tape_budget& shared) : huge{{1 << 20}, shared, 0} {
      for (auto i = 0; i < 10; ++i)
        small.emplace_back(tape::options{1 << 18}, shared, 0);
    }
    tape huge;
    std::deque<tape> small;
  };
  std::deque<on_loop> loops;
  for (auto i = 0; i < 4; ++i)
    loops.emplace_back(budget);
  std::atomic<std::uint64_t> beyond{0}, wrong{0}, overtaken{0};
  std::atomic<bool> done{false};

  const auto write = [&](std::size_t own) {
    for (std::uint64_t o = 1; o <= most; ++o) {
      append_lines(loops[own].huge, o, o, 300);
      if (o % (most / 10) == 0)
        for (auto& t : loops[own].small)
          append_lines(t, o / (most / 10), o / (most / 10), 100);
      beyond += budget.used() > budget.limit() ? 1 : 0;
    }
  };
  const auto read = [&] {
    std::vector<cursor> at(loops.size());
    for (auto last = false; !last;) {
      last = done.load();
      for (std::size_t i = 0; i < loops.size(); ++i) {
        const auto v = loops[i].huge.look();
        if (at[i].place < v.tail().place) {
          at[i] = v.tail();
          ++overtaken;
        }
        std::vector<std::string_view> pieces;
        std::vector<std::uint64_t> places;
        v.slices(at[i].place, {}, pieces, places);
        std::string text;
        for (auto p : pieces)
          text += p;
        wrong += text == lines(at[i].offset + 1, v.head().offset, 300) ? 0 : 1;
        at[i] = v.head();
      }
    }
    for (const auto& where : at)
      wrong += where.offset == most ? 0 : 1;
  };

  std::thread reader{read};
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < loops.size(); ++i)
    writers.emplace_back(write, i);
  for (auto& w : writers)
    w.join();
  done = true;
  reader.join();
  INFO("overtaken " << overtaken << " times");
  CHECK(beyond == 0);
  CHECK(wrong == 0);
  CHECK(budget.given_up() > 0);
  std::size_t sum = 0;
  for (const auto& l : loops) {
    sum += l.huge.bytes();
    for (const auto& t : l.small) {
      CHECK(has_all(t));
      sum += t.bytes();
    }
  }
  CHECK(budget.used() == sum);
}
