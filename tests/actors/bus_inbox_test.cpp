#include "actors/bus_inbox.hpp"
#include "tests/support/catch.hpp"

#include <memory>
#include <string>
#include <variant>

namespace {

using hubbub::actors::bus_inbox;

/// What waits, in order: `e` an event, `m` that some were missed, a number so many that were lost.
std::string waiting_in(bus_inbox& in) {
  std::string all;
  for (const auto& i : in.take()) {
    if (const auto* l = std::get_if<bus_inbox::lost>(&i))
      all += std::to_string(l->count);
    else
      all += std::holds_alternative<bus_inbox::missed>(i) ? 'm' : 'e';
  }
  return all;
}

} // namespace

TEST_CASE("what a busy room lost is one number in its place among the events", "[actors][live]") {
  bus_inbox in;
  const auto e = std::make_shared<hubbub::broker::stored_event>();
  for (auto i = 0; i < 1'000; ++i)
    in.on_lost(2);
  CHECK(in.on_event(e));
  in.on_lost(1);
  in.on_lost(3);
  CHECK(in.on_event(e));
  CHECK(waiting_in(in) == "2000e4e");
  in.on_lost(7);
  CHECK(waiting_in(in) == "7");
}

TEST_CASE("however much a busy room loses, little waits for it", "[actors][live]") {
  bus_inbox in;
  const auto e = std::make_shared<hubbub::broker::stored_event>();
  std::uint64_t lost = 0;
  for (auto i = 0; i < 10'000; ++i)
    if (!in.on_event(e)) {
      in.on_lost(1);
      ++lost;
    }
  const auto all = in.take();
  CHECK(all.size() <= bus_inbox::most_events + 2);
  REQUIRE(std::holds_alternative<bus_inbox::lost>(all.back()));
  CHECK(std::get<bus_inbox::lost>(all.back()).count == lost);
  CHECK(lost == 10'000 - bus_inbox::most_events);
}
