#include "broker/mailbox_gate.hpp"
#include "broker/tape.hpp"

#include "tests/support/catch.hpp"

#include <atomic>
#include <charconv>
#include <string>
#include <thread>
#include <vector>

using namespace hubbub::broker;

/// For ThreadSanitizer above all: one writer, several readers, as rooms and loops are.
namespace {

constexpr std::uint64_t frames = 60'000;

std::string numbered_frame(std::uint64_t offset) {
  auto text = std::to_string(offset) + ":";
  text.resize(16 + offset % 120, 'x');
  return text + "\n";
}

} // namespace

TEST_CASE("readers on other threads see whole frames, in order, and know what they missed",
          "[tape][threads]") {
  tape_budget budget;
  tape t{{16'384}, budget, 0};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0}, overtaken{0}, seen{0};

  const auto read = [&](session_id who) {
    cursor at;
    std::vector<std::string_view> pieces;
    std::vector<std::uint64_t> places;
    for (auto last = false; !last;) {
      last = done.load();
      const auto v = t.look();
      if (at.place < v.tail().place) {
        const auto o = t.look_overtaken(who, at.offset);
        ++overtaken;
        at = o.view.tail();
        last = false; // it has not seen the end yet
        continue;
      }
      pieces.clear();
      places.clear();
      v.slices(at.place, {}, pieces, places);
      std::string text;
      for (auto p : pieces)
        text += p;
      for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        std::uint64_t offset = 0;
        std::from_chars(text.data() + begin, text.data() + end, offset);
        if (offset != at.offset + 1 || text.substr(begin, end + 1 - begin) != numbered_frame(offset))
          ++wrong;
        at.offset = offset;
        begin = end + 1;
        ++seen;
      }
      if (at.offset != v.head().offset)
        ++wrong;
      at = v.head();
    }
    if (at.offset != frames)
      ++wrong;
  };

  std::vector<std::thread> readers;
  for (std::uint64_t i = 1; i <= 3; ++i)
    readers.emplace_back([&read, i] { read({i}); });
  for (std::uint64_t o = 1; o <= frames; ++o) {
    frame_info info;
    info.offset = o;
    t.append(numbered_frame(o), info);
  }
  done = true;
  for (auto& r : readers)
    r.join();
  CHECK(wrong == 0);
  CHECK(seen > 0);
  INFO("overtaken " << overtaken << " times");
}

TEST_CASE("a gate admits as many as it holds and nobody once it is closed", "[mailbox][threads]") {
  mailbox_gate gate{2};
  using verdict = mailbox_gate::verdict;
  CHECK(gate.enter() == verdict::admitted);
  CHECK(gate.enter() == verdict::admitted);
  CHECK(gate.enter() == verdict::full);
  CHECK_FALSE(gate.close_if_empty());
  gate.left();
  CHECK(gate.enter() == verdict::admitted);
  gate.left();
  gate.left();
  CHECK(gate.close_if_empty());
  CHECK(gate.enter() == verdict::closed);
}

TEST_CASE("nothing is inside a gate that closed as empty, however many come at once", "[mailbox][threads]") {
  for (auto round = 0; round < 200; ++round) {
    mailbox_gate gate{8};
    std::atomic<int> inside{0};
    std::atomic<bool> closed{false}, lost{false};
    std::vector<std::thread> all;
    for (auto i = 0; i < 3; ++i)
      all.emplace_back([&] {
        for (auto n = 0; n < 50; ++n)
          if (gate.enter() == mailbox_gate::verdict::admitted) {
            ++inside;
            if (closed)
              lost = true;
            --inside;
            gate.left();
          }
      });
    for (auto tries = 0; tries < 1000 && !closed; ++tries)
      if (gate.close_if_empty()) {
        if (inside != 0)
          lost = true;
        closed = true;
      }
    for (auto& t : all)
      t.join();
    CHECK_FALSE(lost);
  }
}
