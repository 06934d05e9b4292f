#include "tests/actors/delivery_audit.hpp"
#include "tests/support/seeds.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace hubbub;
using namespace hubbub::tests;

/// Random lives of two rooms with a short memory and of those who read them, over all the actors.
namespace {

constexpr std::uint32_t history_size = 5; // of the namespace `small`

class world {
public:
  explicit world(std::uint32_t seed) : random_{seed}, node_{seed % 2 == 0 ? 1u : 4u} {
    node_.bounds.ping = std::chrono::hours{10}; // its spread would make each run another
  }

  void run(int steps) {
    for (auto i = 0; i < steps; ++i) {
      step();
      hear();
    }
    end();
  }

  [[nodiscard]] std::string complaints() const { return audit_.complaints(); }

private:
  const std::vector<std::string> rooms_{"small.one", "small.two"};

  std::uint32_t pick(std::uint32_t below) {
    return std::uniform_int_distribution<std::uint32_t>{0, below - 1}(random_);
  }
  bool once_in(std::uint32_t n) { return pick(n) == 0; }
  const std::string& any_room() { return rooms_[pick(2)]; }
  follower* anybody() {
    std::vector<follower*> here;
    for (auto& f : all_)
      if (!f->gone)
        here.push_back(f.get());
    return here.empty() ? nullptr : here[pick(static_cast<std::uint32_t>(here.size()))];
  }

  // -- what happens ---------------------------------------------------------------

  void step() {
    const auto what = pick(100);
    auto* who = anybody();
    if (!who || (what < 4 && present() < 7))
      return come();
    if (what < 6)
      return leave_for_good(*who);
    if (what < 16)
      return join(*who, any_room());
    if (what < 20)
      return leave(*who, any_room());
    if (what < 40)
      return publish(*who);
    if (what < 46)
      who->at->wire.room = pick(1500);
    else if (what < 62)
      drain(*who);
    else if (what < 63)
      crash(*who, any_room());
    else if (what < 66)
      node_.bus->deaf = !node_.bus->deaf && once_in(2);
    else if (what < 69)
      hold_reads();
    else if (what < 84)
      node_.turn_of(pick(static_cast<std::uint32_t>(node_.loops.size())));
    else if (what < 87)
      node_.work();
    else if (what < 90)
      node_.advance(std::chrono::milliseconds{100 * (1 + pick(7))});
    else
      node_.settle();
  }

  std::size_t present() const {
    return static_cast<std::size_t>(
        std::count_if(all_.begin(), all_.end(), [](const auto& f) { return !f->gone; }));
  }

  void come() {
    auto f = std::make_unique<follower>();
    f->at = std::make_unique<client>(
        node_, pick(static_cast<std::uint32_t>(node_.loops.size())), broker::handshake{},
        once_in(3) ? broker::wire_format::websocket_deflate : broker::wire_format::websocket);
    if (once_in(2))
      f->at->wire.room = pick(3000);
    all_.push_back(std::move(f));
  }

  void leave_for_good(follower& who) {
    audit_.hear(who);
    who.gone = true;
    who.open.clear();
    for (auto& s : who.stays)
      s.open = false;
    who.at->gone();
  }

  void say(follower& who, asked what, json command) {
    command["op"] = what.op;
    command["room"] = what.room;
    command["id"] = ++ids_;
    what.kept_before = audit_.kept_in(what.room).size();
    who.open[ids_] = std::move(what);
    if (who.at->wire.reading) // its socket would not be read
      who.at->send(command);
    else
      who.open.erase(ids_);
  }

  void join(follower& who, const std::string& room) {
    if (!who.wants.insert(room).second)
      return;
    asked a{"join", room};
    json c;
    if (const auto had = who.last.find(room); had != who.last.end() && pick(10) < 6)
      a.since = had->second;
    else if (const auto& known = audit_.positions_in(room); !known.empty() && once_in(5))
      a.since = known[pick(static_cast<std::uint32_t>(known.size()))];
    else if (once_in(12))
      a.since = json{{"epoch", "another"}, {"offset", pick(50)}};
    else if (once_in(2))
      a.history = pick(8);
    if (a.since)
      c["since"] = *a.since;
    else if (a.history > 0)
      c["history"] = a.history;
    if (once_in(4))
      c["presence"] = true;
    say(who, std::move(a), std::move(c));
  }

  void leave(follower& who, const std::string& room) {
    if (who.wants.erase(room) == 1)
      say(who, {"leave", room}, {});
  }

  void publish(follower& who) {
    for (auto n = 1 + pick(4); n > 0; --n) {
      asked a{"publish", any_room(), std::to_string(++events_)};
      a.data += std::string(pick(5) == 0 ? pick(1200) : pick(120), '.');
      json c{{"type", "message"}, {"data", a.data}};
      if (once_in(4))
        c["echo"] = false;
      say(who, std::move(a), std::move(c));
    }
  }

  void crash(follower& who, const std::string& room) {
    say(who, {"publish", room, "crash"}, {{"type", "crash"}, {"data", "crash"}});
  }

  void drain(follower& who) { who.at->take(once_in(3) ? SIZE_MAX : pick(2000)); }

  void hold_reads() {
    if (node_.bus->holds_reads)
      node_.bus->answer_reads();
    else
      node_.bus->holds_reads = once_in(2);
  }

  /// Everything heals, everyone reads, and something is published, so that a hole shows itself.
  void end() {
    node_.bus->deaf = false;
    node_.bus->answer_reads();
    node_.settle();
    come();
    auto& last = *all_.back();
    for (auto round = 0; round < 4; ++round) {
      for (auto& f : all_)
        if (!f->gone)
          f->at->drain(SIZE_MAX);
      node_.advance(std::chrono::seconds{1});
      hear();
      if (round < 2 && !last.gone)
        for (const auto& room : rooms_)
          say(last, {"publish", room, "last " + std::to_string(round)},
              {{"type", "message"}, {"data", "last " + std::to_string(round)}});
      node_.settle();
    }
    hear();
    audit_.audit(all_);
  }

  void hear() {
    for (auto& f : all_)
      if (!f->gone) {
        audit_.hear(*f);
        if (f->at->wire.closed)
          leave_for_good(*f);
      }
  }

  std::mt19937 random_;
  actor_fixture node_;
  delivery_audit audit_{node_, history_size};
  std::vector<std::unique_ptr<follower>> all_;
  int ids_ = 0;
  int events_ = 0;
};

} // namespace

TEST_CASE("whatever happens to rooms and sockets, each event comes once or is told as lost",
          "[actors][model]") {
  for (std::uint32_t seed = 1; seed <= seeds(300); ++seed) {
    CAPTURE(seed);
    world w{seed};
    w.run(300);
    CHECK(w.complaints() == "");
  }
}
