// A tape where there is no memory.
#include "broker/tape.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

using namespace hubbub::broker;

#if HUBBUB_HAS_ALLOCATIONS

namespace {

constexpr session_id kept_from{7};

/// One of a dozen keys, and the offset.
std::string keyed_frame(std::uint64_t offset) {
  auto text = "key-" + std::to_string(100 + offset % 12) + ' ' + std::to_string(offset) + ' ';
  text.resize(40 + offset % 50, 'x');
  return text;
}

frame_info keyed_info(std::uint64_t offset) {
  frame_info i;
  i.offset = offset;
  if (offset % 5 == 0)
    i.excluded = kept_from;
  i.key_at = 0;
  i.key_size = 7;
  return i;
}

/// What a reader finds on the tape that has all up to `last`, and of what it gave up.
void check_whole(const tape& t, std::uint64_t last) {
  const auto o = t.look_overtaken(kept_from, 0);
  CHECK(o.view.head().offset == last);
  std::vector<std::string_view> pieces;
  std::vector<std::uint64_t> places;
  o.view.slices(o.view.tail().place, {}, pieces, places);
  std::string found, expected;
  for (const auto p : pieces)
    found += p;
  for (auto offset = o.view.tail().offset + 1; offset <= last; ++offset)
    expected += keyed_frame(offset);
  CHECK(found == expected);
  CHECK(o.excluded + o.view.hidden(o.view.tail().place, o.view.head().place, kept_from) == last / 5);
  CHECK(o.newest.size() <= 8);
  for (const auto& c : o.newest)
    CHECK(c.frame == keyed_frame(c.offset));
}

} // namespace

TEST_CASE("a tape that finds no memory for a frame is whole, with that frame or without it", "[tape]") {
  constexpr std::uint64_t frames = 300;
  for (std::size_t granted = 0, refused = 1; refused != 0; ++granted) {
    INFO(granted << " allocations are granted to each frame");
    refused = 0;
    tape_budget budget;
    {
      tape t{{4096, 8, true}, budget, 0};
      t.expect(kept_from);
      for (std::uint64_t offset = 1; offset <= frames; ++offset) {
        const auto frame = keyed_frame(offset);
        try {
          const hubbub::tests::no_memory from_here{granted};
          t.append(frame, keyed_info(offset));
        } catch (const std::bad_alloc&) {
          ++refused;
        }
        const auto has = t.look().head().offset;
        REQUIRE((has == offset || has == offset - 1));
        check_whole(t, has);
        if (has != offset)
          t.append(frame, keyed_info(offset));
        check_whole(t, offset);
      }
      // What it could not give up for want of memory goes when there is some.
      t.append(std::string(2000, 'x'), keyed_info(frames + 1));
      CHECK(t.bytes() <= 4096);
      if (granted == 0)
        CHECK(refused > 0);
    }
    CHECK(budget.used() == 0);
  }
}

#endif
