#include "tests/actors/actor_fixture.hpp"
#include "tests/support/seeds.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>

using namespace hubbub;
using namespace hubbub::tests;

/// Random lives of two rooms with a short memory and of those who read them, over all the actors, against the
/// simplest reference there is: the list of all that the log ever kept.
namespace {

constexpr std::uint32_t history_size = 5; // of the namespace `small`

/// From a room's `ok` to a join, to the `ok` of the leave or the end of the connection.
struct stay {
  std::string room;
  /// What came after it is due: where it said it was, else where it was put.
  std::uint64_t start = 0;
  std::uint64_t put_at = 0;
  std::vector<std::uint64_t> got;
  struct hole {
    std::uint64_t from, to;
  };
  std::vector<hole> holes;
  bool open = true;

  /// The position that it would store.
  [[nodiscard]] std::uint64_t at() const { return got.empty() ? std::max(start, put_at) : got.back(); }
  /// Up to where it knows what became of the events.
  [[nodiscard]] std::uint64_t reached() const {
    return std::max(at(), holes.empty() ? 0 : holes.back().to - 1);
  }
};

struct asked {
  std::string op;
  std::string room;
  /// What a publish bears.
  std::string data{};
  std::optional<json> since{};
  std::size_t history = 0;
  std::size_t kept_before = 0;
};

struct follower {
  std::unique_ptr<client> at;
  std::string session;
  std::map<int, asked> open;
  std::vector<stay> stays;
  /// What it would say in `since`.
  std::map<std::string, json> last;
  std::set<std::string> wants;
  bool gone = false;
  /// A gap must follow at once, and end where it was put.
  struct debt {
    std::uint64_t from;
    std::uint64_t put_at;
    bool other_epoch;
  };
  std::optional<debt> owed_gap;

  stay* in(const std::string& room) {
    const auto found =
        std::find_if(stays.begin(), stays.end(), [&](const stay& s) { return s.open && s.room == room; });
    return found == stays.end() ? nullptr : &*found;
  }
};

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

  /// What went against the rules; empty: nothing.
  std::string complaints() const { return complaints_.str(); }

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
    hear(who);
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
    what.kept_before = kept_in(what.room).size();
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
    else if (const auto known = positions_.find(room); known != positions_.end() && once_in(5))
      a.since = known->second[pick(static_cast<std::uint32_t>(known->second.size()))];
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
    audit();
  }

  // -- what is heard ----------------------------------------------------------------

  template <class... Words>
  void complain(const follower& who, const Words&... words) {
    complaints_ << "session " << who.session << ": ";
    (complaints_ << ... << words) << '\n';
  }

  void hear() {
    for (auto& f : all_)
      if (!f->gone) {
        hear(*f);
        if (f->at->wire.closed)
          leave_for_good(*f);
      }
  }

  void hear(follower& who) {
    for (const auto& m : who.at->read()) {
      const std::string op = m["op"];
      const auto owed = std::exchange(who.owed_gap, {});
      if (owed && op != "gap")
        complain(who, "not recovered, and no gap follows: ", m.dump());
      if (op == "welcome")
        who.session = m["session"];
      else if (op == "event")
        event(who, m);
      else if (op == "gap")
        gap(who, m, owed);
      else if (m.contains("id"))
        answer(who, m);
    }
  }

  void event(follower& who, const json& m) {
    auto* s = who.in(m["room"]);
    if (!s)
      return complain(who, "an event of a room that it is not in: ", m.dump());
    const std::uint64_t offset = m["offset"];
    if (offset <= s->at())
      complain(who, offset, " in ", s->room, " after ", s->at());
    s->got.push_back(offset);
    who.last[s->room]["offset"] = offset;
    const auto* e = kept(s->room, offset);
    if (!e)
      complain(who, "an event that was never kept: ", m.dump());
    else if (e->data != m["data"].dump())
      complain(who, "another event's data: ", m.dump());
  }

  void gap(follower& who, const json& m, const std::optional<follower::debt>& owed) {
    auto* s = who.in(m["room"]);
    if (!s)
      return complain(who, "a gap in a room that it is not in: ", m.dump());
    if (owed)
      s->put_at = owed->put_at;
    // With nothing behind it yet, the gap ends where the join was put.
    const std::uint64_t from = m["from"],
                        to = m["to"].is_null() ? s->put_at + 1 : m["to"].get<std::uint64_t>();
    if (owed ? from != owed->from || to <= s->put_at || between(s->room, s->put_at, to - 1) > 0
             : m["to"].is_null())
      complain(who, "another gap than is owed: ", m.dump());
    if (owed && owed->other_epoch)
      return;
    if (!owed && from < s->at())
      complain(who, "a gap from ", from, " in ", s->room, " after ", s->at());
    complain_of_kept(who, s->room, from, to);
    s->holes.push_back({from, to});
  }

  /// Nothing may be called lost that the log still has.
  void complain_of_kept(const follower& who, const std::string& room, std::uint64_t from, std::uint64_t to) {
    const auto all = kept_in(room);
    for (std::size_t i = all.size() > history_size ? all.size() - history_size : 0; i < all.size(); ++i)
      if (all[i]->offset > from && all[i]->offset < to)
        complain(who, "told as lost but kept: ", all[i]->offset, " in ", room, ", gap ", from, " to ", to);
  }

  void answer(follower& who, const json& m) {
    const auto found = who.open.find(m["id"].get<int>());
    if (found == who.open.end())
      return complain(who, "an answer to nothing: ", m.dump());
    const auto a = std::move(found->second);
    who.open.erase(found);
    const auto is_ok = m["op"] == "ok";
    if (a.op == "join")
      is_ok ? joined(who, a, m) : static_cast<void>(who.wants.erase(a.room));
    else if (a.op == "leave" && is_ok)
      left(who, a.room);
    else if (a.op == "publish")
      published(who, a, m);
    if (!is_ok &&
        !std::set<std::string>{"unavailable", "overloaded", "not_joined", "already_joined"}.contains(
            m["code"].get<std::string>()))
      complain(who, "refused: ", m.dump());
  }

  void joined(follower& who, const asked& a, const json& m) {
    if (who.in(a.room))
      complain(who, "joined twice: ", a.room);
    const std::uint64_t offset = m["offset"], head = m["head"];
    stay s;
    s.room = a.room;
    s.start = offset;
    if (offset > head)
      complain(who, "put behind the head: ", m.dump());
    if (a.since) {
      const auto& had = *a.since;
      const auto other_epoch = had["epoch"] != m["epoch"];
      if (!m["recovered"].get<bool>())
        who.owed_gap = {had["offset"], offset, other_epoch};
      else if (other_epoch || had["offset"] != offset)
        complain(who, "recovered, but not from ", had.dump(), ": ", m.dump());
      if (other_epoch)
        complain_of_kept(who, a.room, 0, offset + 1);
      else
        s.start = had["offset"];
    } else if (const auto there = between(a.room, offset, head);
               there > a.history + kept_in(a.room).size() - a.kept_before) {
      complain(who, there, " events of the past instead of ", a.history, ": ", m.dump());
    }
    who.stays.push_back(s);
    who.last[a.room] = {{"epoch", m["epoch"]}, {"offset", offset}};
    positions_[a.room].push_back(who.last[a.room]);
  }

  void left(follower& who, const std::string& room) {
    if (auto* s = who.in(room))
      s->open = false;
    else
      complain(who, "left ", room, " without being there");
  }

  void published(const follower& who, const asked& a, const json& m) {
    const auto there = std::any_of(node_.bus->kept.begin(), node_.bus->kept.end(), [&](const auto& e) {
      return e->data == json(a.data).dump() && e->room.str() == a.room;
    });
    if (m["op"] == "ok" && !there)
      complain(who, "confirmed but not kept: ", m.dump());
    if (m["op"] == "error" && m["outcome"] == "not_stored" && there)
      complain(who, "kept but said not to be: ", m.dump());
  }

  // -- the reference ------------------------------------------------------------------

  std::vector<broker::stored_event_ptr> kept_in(const std::string& room) const {
    std::vector<broker::stored_event_ptr> found;
    std::copy_if(node_.bus->kept.begin(), node_.bus->kept.end(), std::back_inserter(found),
                 [&](const auto& e) { return e->room.str() == room; });
    return found;
  }
  const broker::stored_event* kept(const std::string& room, std::uint64_t offset) const {
    for (const auto& e : node_.bus->kept)
      if (e->offset == offset && e->room.str() == room)
        return e.get();
    return nullptr;
  }
  std::size_t between(const std::string& room, std::uint64_t after, std::uint64_t to) const {
    return static_cast<std::size_t>(
        std::count_if(node_.bus->kept.begin(), node_.bus->kept.end(), [&](const auto& e) {
          return e->room.str() == room && e->offset > after && e->offset <= to;
        }));
  }

  void audit() {
    for (const auto& f : all_) {
      for (const auto& [id, a] : f->open)
        complain(*f, "no answer to ", a.op, " of ", a.room);
      for (const auto& s : f->stays)
        audit(*f, s);
    }
  }

  void audit(const follower& who, const stay& s) {
    for (const auto& e : kept_in(s.room)) {
      if (e->offset <= s.start || (!s.open && e->offset > s.reached()))
        continue;
      const auto times = std::count(s.got.begin(), s.got.end(), e->offset);
      const auto in_hole = std::any_of(s.holes.begin(), s.holes.end(),
                                       [&](const auto& h) { return h.from < e->offset && e->offset < h.to; });
      const auto own = e->excluded && e->excluded.str() == who.session;
      if (own ? times > 0 : times + (in_hole ? 1 : 0) != 1)
        complain(who, e->offset, " in ", s.room, " from ", s.start, ": got ", times,
                 in_hole ? " times and told lost" : " times", own ? ", its own" : "", s.open ? "" : ", left");
    }
  }

  std::mt19937 random_;
  actor_fixture node_;
  std::vector<std::unique_ptr<follower>> all_;
  /// Positions that somebody was once given.
  std::map<std::string, std::vector<json>> positions_;
  int ids_ = 0;
  int events_ = 0;
  std::ostringstream complaints_;
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
