#pragma once

#include "broker/room_name.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::actors {

/// What a client asked and a room, the log or a backend has not answered yet.
struct question {
  enum class kind : std::uint8_t {
    join,
    publish,
    update,
    members,
    history,
    /// A publish that a backend decides about.
    accept,
    call,
  } what;
  [[nodiscard]] bool is_for_room() const noexcept {
    return what != kind::history && what != kind::accept && what != kind::call;
  }
  std::uint32_t slot = 0;
  /// The client's id, as it came.
  std::string id;
  broker::room_name room;
  /// A publish's event id; or what `join` and `update` claim of oneself.
  std::string text;
  /// A join for a `resume`: one more than its place there; 0: it is none.
  std::uint32_t place = 0;
  bool presence = false;
  bool live = false;
  /// Its answer may be large.
  bool large = false;
};

/// A connection's open questions: few, as they are bounded by its credits. Its loop only.
class open_questions {
public:
  /// The reference holds until the next question.
  question& ask(question::kind what, const std::string& id, const broker::room_name& room) {
    question q;
    q.what = what;
    q.slot = ++next_slot_;
    q.id = id;
    q.room = room;
    return all_.emplace_back(std::move(q));
  }

  /// Takes the one that an answer names; nullopt: the client was told already that none would come.
  [[nodiscard]] std::optional<question> take(std::uint32_t slot) {
    return take_first([slot](const question& q) { return q.slot == slot; });
  }
  /// Takes one that only `room` could have answered.
  [[nodiscard]] std::optional<question> take_of(const broker::room_name& room) {
    return take_first([&room](const question& q) { return q.is_for_room() && q.room == room; });
  }

  [[nodiscard]] bool has(question::kind what, const broker::room_name& room) const noexcept {
    return std::any_of(all_.begin(), all_.end(),
                       [&](const question& q) { return q.what == what && q.room == room; });
  }
  [[nodiscard]] std::size_t count(question::kind what) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(all_.begin(), all_.end(), [what](const question& q) { return q.what == what; }));
  }
  [[nodiscard]] bool has_large() const noexcept {
    return std::any_of(all_.begin(), all_.end(), [](const question& q) { return q.large; });
  }
  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
  /// All of them, which are then forgotten.
  [[nodiscard]] std::vector<question> give_up() noexcept { return std::exchange(all_, {}); }

private:
  template <class Predicate>
  std::optional<question> take_first(Predicate is_it) {
    const auto found = std::find_if(all_.begin(), all_.end(), is_it);
    if (found == all_.end())
      return std::nullopt;
    auto q = std::move(*found);
    all_.erase(found);
    // Most connections ask once and then listen for hours.
    if (all_.empty())
      std::vector<question>{}.swap(all_);
    return q;
  }

  std::vector<question> all_;
  std::uint32_t next_slot_ = 0;
};

} // namespace hubbub::actors
