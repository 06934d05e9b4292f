#include "tests/cluster/bus_kit.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <tuple>

/// Every bus against a log so simple that it can be seen to be right; see bus_kit.hpp.
namespace hubbub::test {
namespace {

using namespace std::chrono_literals;

/// Keeps all that was ever published, and works out each time what is left of it.
struct simple_log {
  struct kept {
    std::uint64_t offset;
    std::string data;
    std::int64_t at;
    std::size_t cost;
  };
  broker::policy rules;
  std::int64_t now = 0;
  std::map<std::string, std::vector<kept>> rooms;
  std::map<std::tuple<std::string, std::string, std::string>, kept> seen;

  std::vector<kept> retained(const std::string& room) {
    std::vector<kept> left;
    const auto& all = rooms[room];
    for (std::size_t i = 0; i < all.size(); ++i)
      if (i + rules.history_size >= all.size() && all[i].at + rules.history_age.count() > now)
        left.push_back(all[i]);
    return left;
  }
  std::uint64_t head(const std::string& room) { return rooms[room].empty() ? 0 : rooms[room].back().offset; }
  bool complete(const std::string& room, std::uint64_t after) {
    if (after > head(room))
      return false;
    auto expected = 0u;
    for (const auto& k : rooms[room])
      expected += k.offset > after;
    auto left = 0u;
    for (const auto& k : retained(room))
      left += k.offset > after;
    return expected == left;
  }
};

class model_run {
public:
  model_run(const std::string& kind, unsigned seed) : kind_{kind}, random_{seed} {
    simple_.rules.history_size = pick(1, 8);
    simple_.rules.history_age = broker::milliseconds{pick(5, 60)};
    simple_.rules.dedup_window = broker::milliseconds{pick(0, 40)};
    spaces_ = std::make_unique<broker::namespaces>(simple_.rules);
    bus_ = kit_->open(*spaces_);
  }

  void step() {
    const auto name = "chat." + std::to_string(pick(1, 3));
    switch (pick(0, 9)) {
    case 0:
      kit_->advance(broker::milliseconds{pick(1, 20)});
      simple_.now = passed_ += last_;
      break;
    case 1:
      open_.erase(name);
      break;
    case 2:
      if (kind_ != "memory" && pick(0, 4) == 0)
        reopen();
      break;
    case 3:
    case 4:
    case 5:
      compare(name);
      break;
    default:
      publish(name);
    }
  }

private:
  std::uint32_t pick(std::uint32_t from, std::uint32_t to) {
    return last_ = std::uniform_int_distribution<std::uint32_t>{from, to}(random_);
  }

  void reopen() {
    open_.clear();
    bus_.reset();
    bus_ = kit_->open(*spaces_);
  }

  void publish(const std::string& name) {
    auto& r = open_[name];
    if (!r) {
      r = std::make_unique<room_double>(*bus_, name);
      REQUIRE(r->seen().ready().offset == simple_.head(name));
    }
    auto e = r->event(std::string(pick(1, 40), 'x'));
    if (pick(0, 1) == 0)
      e.event_id = "id" + std::to_string(pick(0, 5));
    e.from = pick(0, 1) == 0 ? "ann" : "";
    const auto p = r->publish(e);
    REQUIRE(p.stored);
    const auto offset = p.what.position.offset;

    auto& first = simple_.seen[{name, e.from, e.event_id}];
    const auto duplicate = !e.event_id.empty() && first.offset != 0 &&
                           first.at + simple_.rules.dedup_window.count() > simple_.now;
    REQUIRE(p.what.duplicate == duplicate);
    if (duplicate) {
      REQUIRE(offset == first.offset);
      return;
    }
    REQUIRE(offset > simple_.head(name));
    REQUIRE(r->seen().events().back()->offset == offset);
    REQUIRE(r->seen().events().back()->previous == simple_.head(name));
    first = {offset, e.data, simple_.now, broker::most_frame_bytes(*r->seen().events().back())};
    simple_.rooms[name].push_back(first);
  }

  void compare(const std::string& name) {
    const auto head = simple_.head(name);
    broker::read_request what = after(name, pick(0, static_cast<std::uint32_t>(head) + 1));
    const auto& all = simple_.rooms[name];
    if (pick(0, 1) == 0 && !all.empty())
      what.after = all[pick(0, static_cast<std::uint32_t>(all.size()) - 1)].offset;
    if (pick(0, 2) == 0)
      what.before = pick(0, static_cast<std::uint32_t>(head) + 1);
    what.newest = pick(0, 1) == 0;
    what.limit = pick(0, 1) == 0 ? 100 : pick(0, 4);
    what.limit_bytes = pick(0, 1) == 0 ? 100'000 : pick(1, 2000);

    std::vector<simple_log::kept> range;
    for (const auto& k : simple_.retained(name))
      if (k.offset > what.after && (what.before == 0 || k.offset < what.before))
        range.push_back(k);
    auto expected = range;
    if (what.newest)
      std::reverse(expected.begin(), expected.end());
    std::size_t bytes = 0, fits = 0;
    while (fits < expected.size() && fits < what.limit) {
      bytes += expected[fits].cost;
      if (fits > 0 && bytes > what.limit_bytes)
        break;
      ++fits;
    }
    expected.resize(fits);
    if (what.newest)
      std::reverse(expected.begin(), expected.end());

    const auto r = read(*bus_, what);
    REQUIRE(r.head.offset == head);
    REQUIRE(r.complete == simple_.complete(name, what.after));
    REQUIRE(r.more == (fits < range.size()));
    REQUIRE(r.events.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      REQUIRE(r.events[i]->offset == expected[i].offset);
      REQUIRE(r.events[i]->data == expected[i].data);
    }
  }

  const std::string kind_;
  std::mt19937 random_;
  std::uint32_t last_ = 0;
  std::int64_t passed_ = 0;
  simple_log simple_;
  std::unique_ptr<bus_kit> kit_ = make_kit(kind_);
  std::unique_ptr<broker::namespaces> spaces_;
  std::unique_ptr<broker::event_bus> bus_;
  std::map<std::string, std::unique_ptr<room_double>> open_;
};

TEST_CASE("a bus does what the simple log does", "[conformance]") {
  const auto kind = GENERATE(from_range(timed_kinds()));
  const auto runs = kind == "memory" ? 150u : 6u;
  for (auto seed = 0u; seed < runs; ++seed) {
    INFO(kind << ", seed " << seed);
    model_run run{kind, seed};
    for (auto i = 0; i < 150; ++i)
      run.step();
  }
}

} // namespace
} // namespace hubbub::test
