#include "broker/delivery.hpp"

#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_connection.hpp"

#include <charconv>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace hubbub::broker;
using hubbub::tests::fake_connection;

/// Random schedules of appends, trims, joins, leaves, full and draining sockets,
/// against the simplest reference there is: the list of all events.
namespace {

struct known_event {
  std::uint64_t offset;
  session_id excluded;
  std::string key;
};

struct client {
  fake_connection wire;
  recipient to;
  reader r;
  std::uint64_t joined_at = 0;
  std::vector<std::uint64_t> got;
  std::uint64_t dropped = 0;
  bool gap_told = false;
};

std::uint64_t number_after(const std::string& text, std::string_view name) {
  const auto at = text.find(name);
  std::uint64_t n = 0;
  if (at != text.npos)
    std::from_chars(text.data() + at + name.size(), text.data() + text.size(), n);
  return n;
}

class world : log_reader {
public:
  world(std::uint32_t seed, policy rules)
      : random_{seed},
        rules_{rules},
        name_{*room_name::parse("model.room")},
        feed_{std::make_shared<feed>(name_, rules_, 1, budget_, 0)},
        audience_{std::make_unique<audience>(feed_, 0)},
        delivery_{*this} {}

  void run(int steps) {
    for (auto i = 0; i < steps; ++i)
      step();
    settle();
  }

  void check() {
    for (auto& c : clients_)
      check(*c);
  }

private:
  std::uint32_t pick(std::uint32_t below) {
    return std::uniform_int_distribution<std::uint32_t>{0, below - 1}(random_);
  }
  [[nodiscard]] bool live() const { return rules_.kind == room_kind::live; }

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
        append();
      if (pick(2))
        tell();
    }
  }

  void append() {
    known_event e{events_.empty() ? 1 : events_.back().offset + (live() ? 1 : 1 + pick(3)), {}, {}};
    if (!clients_.empty() && pick(4) == 0)
      e.excluded = clients_[pick(static_cast<std::uint32_t>(clients_.size()))]->to.session;
    if (pick(2))
      e.key = std::string(1, static_cast<char>('a' + pick(5)));
    const auto [frame, info] = frame_of(e);
    feed_->writable(wire_format::websocket)->append(frame, info);
    events_.push_back(std::move(e));
  }

  std::pair<std::string, frame_info> frame_of(const known_event& e) {
    auto text =
        "{\"n\":" + std::to_string(e.offset) + ",\"pad\":\"" + std::string(e.offset * 7 % 90, 'p') + "\"}";
    const auto key_at = text.size();
    text += e.key;
    std::string frame;
    append_text_frame(frame, text);
    frame_info i;
    i.offset = e.offset;
    i.excluded = e.excluded;
    i.key_at = static_cast<std::uint32_t>(frame.size() - text.size() + key_at);
    i.key_size = static_cast<std::uint16_t>(e.key.size());
    return {std::move(frame), i};
  }

  void join() {
    if (clients_.size() >= 6)
      return;
    auto c = std::make_unique<client>();
    c->to.wire = &c->wire;
    c->to.session = {++sessions_};
    c->r.to = &c->to;
    if (pick(3) == 0)
      c->wire.room = pick(200);
    const auto head = events_.empty() ? 0 : events_.back().offset;
    // A retained room may be joined anywhere in its past.
    c->joined_at = live() || events_.empty() || pick(2)
                       ? head
                       : events_[pick(static_cast<std::uint32_t>(events_.size()))].offset;
    feed_->writable(wire_format::websocket)->expect(c->to.session);
    const auto found = feed_->of(wire_format::websocket).look().find(c->joined_at);
    audience_->add(c->r, found ? *found : cursor{audience::off_tape, c->joined_at}, feed_->serial());
    delivery_.send_to(c->r);
    clients_.push_back(std::move(c));
  }

  void leave() {
    if (clients_.empty())
      return;
    const auto i = pick(static_cast<std::uint32_t>(clients_.size()));
    read(*clients_[i]);
    forget(clients_[i]->r);
    audience_->remove(clients_[i]->r);
    feed_->writable(wire_format::websocket)->forget(clients_[i]->to.session);
    clients_.erase(clients_.begin() + i);
  }

  void tell() {
    feed_->take_news(0);
    delivery_.walk(*audience_, true, marked_);
  }

  void stall() {
    if (!clients_.empty())
      clients_[pick(static_cast<std::uint32_t>(clients_.size()))]->wire.room = pick(300);
  }

  void drain() {
    if (clients_.empty())
      return;
    auto& c = *clients_[pick(static_cast<std::uint32_t>(clients_.size()))];
    const auto was_full = c.wire.blocked();
    if (c.wire.drain(pick(3) ? pick(800) : SIZE_MAX) && was_full)
      delivery_.drained(c.r);
    read(c);
  }

  void settle() {
    for (auto round = 0; round < 2000; ++round) {
      auto waiting = false;
      for (auto& c : clients_) {
        const auto was_full = c->wire.blocked();
        c->wire.drain(SIZE_MAX);
        if (was_full)
          delivery_.drained(c->r);
      }
      tell();
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
    auto& seat = audience_->seat_of(r);
    if (seat.wire->blocked())
      return;
    const auto chunk = segment::make(4096, 0, seat.at.offset);
    for (const auto& e : events_)
      if (e.offset > seat.at.offset) {
        const auto [frame, info] = frame_of(e);
        if (!chunk->append(frame, info))
          break;
      }
    if (!delivery_.send_chunk(r, *chunk))
      return;
    if (const auto back = feed_->of(wire_format::websocket).look().find(seat.at.offset)) {
      seat.at = *back;
      r.pulling = false;
    }
    delivery_.send_to(r);
  }

  void read(client& c) {
    for (const auto& m : c.wire.messages()) {
      if (m.find("\"dropped\"") != m.npos)
        c.dropped += number_after(m, "\"count\":");
      else
        c.got.push_back(number_after(m, "\"n\":"));
    }
  }

  void check(const client& c) {
    std::vector<std::uint64_t> expected;
    for (const auto& e : events_)
      if (e.offset > c.joined_at && e.excluded != c.to.session)
        expected.push_back(e.offset);
    if (!live()) {
      CHECK(c.got == expected);
      return;
    }
    CHECK(std::is_sorted(c.got.begin(), c.got.end(), std::less_equal<>{}));
    CHECK(std::includes(expected.begin(), expected.end(), c.got.begin(), c.got.end()));
    CHECK(c.got.size() + c.dropped == expected.size());
    if (rules_.when_overtaken != overflow::conflate)
      return;
    // Whoever reads in the end has the newest event of each key, as far as it may see it.
    std::map<std::string, const known_event*> newest;
    for (const auto& e : events_)
      if (!e.key.empty() && e.offset > c.joined_at)
        newest[e.key] = &e;
    for (const auto& [key, e] : newest)
      if (e->excluded != c.to.session)
        CHECK(std::binary_search(c.got.begin(), c.got.end(), e->offset));
  }

  std::mt19937 random_;
  policy rules_;
  room_name name_;
  tape_budget budget_;
  feed_ptr feed_;
  std::unique_ptr<audience> audience_;
  delivery delivery_;
  std::vector<recipient*> marked_;
  std::vector<known_event> events_;
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
  for (std::uint32_t seed = 1; seed <= 1000; ++seed) {
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
