#include "broker/delivery.hpp"

#include "broker/deflate.hpp"
#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"
#include "tests/support/seeds.hpp"

#include <array>
#include <charconv>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hubbub::broker;
using hubbub::tests::fake_connection;

/// Random schedules of appends, trims, joins, leaves, full and draining sockets, for connections that read
/// one room or two, against the simplest reference there is: the list of all events.
namespace {

struct known_event {
  std::uint64_t offset;
  session_id excluded;
  std::string key;
};

/// A connection in a room, and what it got there.
struct seated {
  reader r;
  std::uint64_t joined_at = 0;
  std::vector<std::uint64_t> got;
  std::uint64_t dropped = 0;
};

constexpr std::size_t most_rooms = 2;

struct client {
  explicit client(wire_format f) : wire{f} { to.format = f; }
  fake_connection wire;
  recipient to;
  std::array<std::unique_ptr<seated>, most_rooms> in;
};

std::uint64_t number_after(const std::string& text, std::string_view name) {
  const auto at = text.find(name);
  std::uint64_t n = 0;
  if (at != text.npos)
    std::from_chars(text.data() + at + name.size(), text.data() + text.size(), n);
  return n;
}

/// A room: what it shows, who reads it, and all that was ever said in it.
struct model_room {
  model_room(std::size_t number, const policy& rules, tape_budget& budget)
      : name{*room_name::parse("model.room" + std::to_string(number))},
        shown{std::make_shared<feed>(name, rules, 1, budget, 0)},
        readers{std::make_unique<audience>(shown, 0)} {
    shown->add(wire_format::websocket_deflate, budget, 0);
  }
  [[nodiscard]] std::uint64_t head() const { return events.empty() ? 0 : events.back().offset; }
  template <class Function>
  void for_each_tape(Function f) {
    for (auto format : {wire_format::websocket, wire_format::websocket_deflate})
      f(format, *shown->writable(format));
  }

  room_name name;
  feed_ptr shown;
  std::unique_ptr<audience> readers;
  std::vector<known_event> events;
  /// Something came onto the tapes since a walk began.
  bool news = false;
};

class world : log_reader {
public:
  world(std::uint32_t seed, policy rules)
      : random_{seed}, rules_{rules}, budget_{budget_of(seed, rules)}, delivery_{*this} {
    for (std::size_t i = 0; i < most_rooms; ++i)
      rooms_.emplace_back(i, rules_, budget_);
  }

  void run(int steps) {
    for (auto i = 0; i < steps; ++i)
      step();
    settle();
  }

  void check() {
    for (auto& c : clients_)
      for (std::size_t i = 0; i < most_rooms; ++i)
        if (c->in[i])
          check(*c, *c->in[i], rooms_[i]);
  }

private:
  /// Half of the worlds are so short of memory that each room shortens the others'. What a conflating one
  /// keeps of each key would go, too.
  [[nodiscard]] static std::uint64_t budget_of(std::uint32_t seed, const policy& rules) {
    return seed % 2 == 0 || rules.when_overtaken == overflow::conflate ? UINT64_MAX : 5000;
  }
  std::uint32_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::uint32_t>{0, static_cast<std::uint32_t>(below) - 1}(random_);
  }
  [[nodiscard]] bool live() const { return rules_.kind == room_kind::live; }
  std::size_t any_room() { return pick(most_rooms); }
  client& anybody() { return *clients_[pick(clients_.size())]; }

  void step() {
    switch (pick(10)) {
    case 0:
      return join();
    case 1:
      return pick(4) == 0 ? leave() : tell();
    case 2:
    case 3:
      return drain();
    case 4:
      return stall();
    case 5:
      return answer_pull();
    case 6:
      return tell();
    default:
      for (auto n = pick(6); n > 0; --n)
        append(any_room());
      if (pick(2))
        tell();
    }
  }

  void append(std::size_t i) {
    auto& room = rooms_[i];
    known_event e{room.head() + (live() || room.events.empty() ? 1 : 1 + pick(3)), {}, {}};
    if (!clients_.empty() && pick(4) == 0)
      e.excluded = anybody().to.session;
    if (pick(2))
      e.key = std::string(1, static_cast<char>('a' + pick(5)));
    room.for_each_tape([&](wire_format format, tape& t) {
      const auto [frame, info] = frame_of(i, e, format);
      t.append(frame, info);
    });
    room.events.push_back(std::move(e));
    room.news = true;
  }

  std::pair<std::string, frame_info> frame_of(std::size_t i, const known_event& e, wire_format format) {
    auto text = "{\"room\":\"" + rooms_[i].name.str() + "\",\"n\":" + std::to_string(e.offset) +
                ",\"pad\":\"" + std::string(e.offset * 7 % 90, 'p') + "\"}";
    const auto key_at = text.size();
    text += e.key;
    std::string frame;
    std::string small;
    if (format == wire_format::websocket_deflate && e.key.empty() && deflater_.compress(small, text)) {
      append_frame_header(frame, small.size(), true);
      frame += small;
    } else {
      append_text_frame(frame, text);
    }
    frame_info info;
    info.offset = e.offset;
    info.excluded = e.excluded;
    if (!e.key.empty()) {
      info.key_at = static_cast<std::uint32_t>(frame.size() - text.size() + key_at);
      info.key_size = static_cast<std::uint16_t>(e.key.size());
    }
    return {std::move(frame), info};
  }

  void join() {
    if (clients_.size() < 6 && pick(2)) {
      auto c = std::make_unique<client>(pick(3) ? wire_format::websocket : wire_format::websocket_deflate);
      c->to.wire = &c->wire;
      c->to.session = {++sessions_};
      if (pick(3) == 0)
        c->wire.room = pick(200);
      clients_.push_back(std::move(c));
    }
    if (clients_.empty())
      return;
    auto& c = anybody();
    const auto i = any_room();
    if (c.in[i])
      return;
    auto& room = rooms_[i];
    auto& here = *(c.in[i] = std::make_unique<seated>());
    here.r.to = &c.to;
    // A retained room may be joined anywhere in its past.
    here.joined_at =
        live() || room.events.empty() || pick(2) ? room.head() : room.events[pick(room.events.size())].offset;
    room.for_each_tape([&](wire_format, tape& t) { t.expect(c.to.session); });
    const auto found = room.shown->of(c.to.format).look().find(here.joined_at);
    room.readers->add(here.r, found ? *found : cursor{audience::off_tape, here.joined_at},
                      room.shown->serial());
    delivery_.send_to(here.r);
  }

  void leave() {
    if (clients_.empty())
      return;
    const auto at = pick(clients_.size());
    auto& c = *clients_[at];
    read(c);
    for (std::size_t i = 0; i < most_rooms; ++i)
      if (c.in[i]) {
        forget(c.in[i]->r);
        rooms_[i].readers->remove(c.in[i]->r);
        rooms_[i].for_each_tape([&](wire_format, tape& t) { t.forget(c.to.session); });
      }
    clients_.erase(clients_.begin() + at);
  }

  /// The end of a turn: one room has news or several, and one may be in the news twice. A walk may end before
  /// it was with everybody; whoever left, came or was told of more meanwhile, the next one goes on.
  void tell() {
    std::vector<std::size_t> news;
    for (auto n = pick(4); n > 0; --n)
      news.push_back(any_room());
    tell(news, pick(2) ? SIZE_MAX : 1 + pick(3));
  }
  void tell(const std::vector<std::size_t>& news, std::size_t most) {
    std::vector<recipient*> marked;
    for (const auto i : news) {
      if (std::exchange(rooms_[i].news, false))
        rooms_[i].readers->begin_round();
      delivery_.walk(*rooms_[i].readers, news.size() <= 1, marked, most);
    }
    delivery_.send_marked(marked);
  }

  void stall() {
    if (!clients_.empty())
      anybody().wire.room = pick(300);
  }

  void drain() {
    if (!clients_.empty())
      drain(anybody(), pick(3) ? pick(800) : SIZE_MAX);
  }
  void drain(client& c, std::size_t bytes) {
    const auto was_full = c.wire.blocked();
    if (c.wire.drain(bytes) && was_full)
      for (auto& here : c.in)
        if (here)
          delivery_.drained(here->r);
    read(c);
  }

  void settle() {
    for (auto round = 0; round < 2000; ++round) {
      auto waiting = false;
      for (auto& c : clients_)
        drain(*c, SIZE_MAX);
      tell({0, 1}, SIZE_MAX);
      while (!pulls_.empty()) {
        waiting = true;
        answer_pull();
      }
      if (!waiting)
        break;
    }
    for (auto& c : clients_)
      read(*c);
  }

  // The log: answers later, as a real one does, and holds everything.
  void pull(reader& r) override {
    r.asked = true;
    pulls_.push_back(&r);
  }
  void forget(reader& r) { std::erase(pulls_, &r); }
  void answer_pull() {
    if (pulls_.empty())
      return;
    auto& r = *pulls_.front();
    pulls_.pop_front();
    r.asked = false;
    auto& seat = r.in->seat_of(r);
    if (seat.wire->blocked())
      return;
    const auto i = &r.in->from() == rooms_[0].shown.get() ? 0u : 1u;
    const auto chunk = segment::make(4096, 0, seat.at.offset);
    for (const auto& e : rooms_[i].events)
      if (e.offset > seat.at.offset) {
        const auto [frame, info] = frame_of(i, e, r.to->format);
        if (!chunk->append(frame, info))
          break;
      }
    if (!delivery_.send_chunk(r, *chunk))
      return;
    if (const auto back = r.feed().of(r.to->format).look().find(seat.at.offset)) {
      seat.at = *back;
      r.pulling = false;
    }
    delivery_.send_to(r);
  }

  void read(client& c) {
    for (const auto& m : c.wire.messages())
      for (std::size_t i = 0; i < most_rooms; ++i) {
        if (m.find("\"" + rooms_[i].name.str() + "\"") == m.npos)
          continue;
        REQUIRE(c.in[i]);
        if (m.find("\"dropped\"") != m.npos)
          c.in[i]->dropped += number_after(m, "\"count\":");
        else
          c.in[i]->got.push_back(number_after(m, "\"n\":"));
      }
  }

  void check(const client& c, const seated& here, const model_room& room) {
    std::vector<std::uint64_t> expected;
    for (const auto& e : room.events)
      if (e.offset > here.joined_at && e.excluded != c.to.session)
        expected.push_back(e.offset);
    const auto& got = here.got;
    if (!live()) {
      CHECK(got == expected);
      return;
    }
    CHECK(std::is_sorted(got.begin(), got.end(), std::less_equal<>{}));
    CHECK(std::includes(expected.begin(), expected.end(), got.begin(), got.end()));
    CHECK(got.size() + here.dropped == expected.size());
    if (rules_.when_overtaken != overflow::conflate)
      return;
    // Whoever reads in the end has the newest event of each key, as far as it may see it.
    std::map<std::string, const known_event*> newest;
    for (const auto& e : room.events)
      if (!e.key.empty() && e.offset > here.joined_at)
        newest[e.key] = &e;
    for (const auto& [key, e] : newest)
      if (e->excluded != c.to.session)
        CHECK(std::binary_search(got.begin(), got.end(), e->offset));
  }

  std::mt19937 random_;
  policy rules_;
  tape_budget budget_;
  deflater deflater_;
  std::deque<model_room> rooms_;
  delivery delivery_;
  std::vector<std::unique_ptr<client>> clients_;
  std::deque<reader*> pulls_;
  std::uint64_t sessions_ = 0;
};

policy rules_of(room_kind kind, overflow when) {
  policy p;
  p.kind = kind;
  p.when_overtaken = when;
  p.tape_bytes = 2048;
  return p;
}

void schedules(policy rules) {
  for (std::uint32_t seed = 1; seed <= hubbub::tests::seeds(1000); ++seed) {
    CAPTURE(seed);
    world w{seed, rules};
    w.run(200);
    w.check();
  }
}

} // namespace

TEST_CASE("whatever happens, a retained room's readers get every event once and in order",
          "[delivery][model]") {
  schedules(rules_of(room_kind::retained, overflow::catch_up));
}

TEST_CASE("drop_oldest: sent and dropped are what passed", "[delivery][model]") {
  schedules(rules_of(room_kind::live, overflow::drop_oldest));
}

TEST_CASE("drop_newest: sent and dropped are what passed", "[delivery][model]") {
  schedules(rules_of(room_kind::live, overflow::drop_newest));
}

TEST_CASE("conflate: sent and dropped are what passed, and the newest of each key is there",
          "[delivery][model]") {
  schedules(rules_of(room_kind::live, overflow::conflate));
}
