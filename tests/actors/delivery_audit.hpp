#pragma once

#include "tests/actors/actor_fixture.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::tests {

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

/// A command that was not answered yet.
struct asked {
  std::string op;
  std::string room;
  /// What a publish bears.
  std::string data{};
  std::optional<json> since{};
  std::size_t history = 0;
  std::size_t kept_before = 0;
};

/// One who reads, and what it was told.
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

/// Hears what rooms tell those who read them, and holds it against the simplest reference there is: the list
/// of all that the log ever kept.
class delivery_audit {
public:
  /// `node` keeps at most `history_size` events of a room.
  delivery_audit(const actor_fixture& node, std::size_t history_size)
      : node_{node}, history_size_{history_size} {}

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

  /// Nothing more will come.
  void audit(const std::vector<std::unique_ptr<follower>>& all) {
    for (const auto& f : all) {
      for (const auto& [id, a] : f->open)
        complain(*f, "no answer to ", a.op, " of ", a.room);
      for (const auto& s : f->stays)
        audit(*f, s);
    }
  }

  /// What went against the rules; empty: nothing.
  [[nodiscard]] std::string complaints() const { return complaints_.str(); }
  /// Positions that somebody was once given there.
  [[nodiscard]] const std::vector<json>& positions_in(const std::string& room) { return positions_[room]; }
  [[nodiscard]] std::vector<broker::stored_event_ptr> kept_in(const std::string& room) const {
    std::vector<broker::stored_event_ptr> found;
    std::copy_if(node_.bus->kept.begin(), node_.bus->kept.end(), std::back_inserter(found),
                 [&](const auto& e) { return e->room.str() == room; });
    return found;
  }

private:
  template <class... Words>
  void complain(const follower& who, const Words&... words) {
    complaints_ << "session " << who.session << ": ";
    (complaints_ << ... << words) << '\n';
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
    for (std::size_t i = all.size() > history_size_ ? all.size() - history_size_ : 0; i < all.size(); ++i)
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

  const actor_fixture& node_;
  const std::size_t history_size_;
  std::map<std::string, std::vector<json>> positions_;
  std::ostringstream complaints_;
};

} // namespace hubbub::tests
