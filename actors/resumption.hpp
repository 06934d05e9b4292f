#pragma once

#include "broker/command.hpp"
#include "broker/push.hpp"
#include "broker/room.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::actors {

/// A `resume` under way: gathers what each of its rooms answers, for one `ok`. Nobody of it reads before that
/// is said. Its loop only.
class resumption {
public:
  /// One of its rooms. Without an answer and without a reason it is still waited for.
  struct place {
    broker::resume_room what;
    std::optional<broker::join_answer> there;
    broker::errc why = broker::errc::ok;
  };

  resumption(std::string id, std::vector<broker::resume_room> rooms) : id_{std::move(id)} {
    places_.reserve(rooms.size());
    for (auto& r : rooms)
      places_.push_back({std::move(r), {}, broker::errc::ok});
    missing_ = places_.size() + 1; // the one is the asking itself
  }

  /// The client's, as it came.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] std::vector<place>& places() noexcept { return places_; }

  /// Each place is settled once, and `all_asked` is called once; true: that was the last one.
  [[nodiscard]] bool joined(std::size_t i, broker::join_answer&& there) {
    places_[i].there = std::move(there);
    return --missing_ == 0;
  }
  [[nodiscard]] bool refused(std::size_t i, broker::errc why) {
    places_[i].why = why;
    return --missing_ == 0;
  }
  [[nodiscard]] bool all_asked() { return --missing_ == 0; }

  /// The room crashed: where it had answered, that counts no more. True: it had, or the one made in its
  /// place.
  [[nodiscard]] bool lost(const broker::room_name& room) {
    auto had = false;
    for (auto& p : places_)
      if (p.there && p.what.room == room) {
        p.there.reset();
        p.why = broker::errc::unavailable;
        had = true;
      }
    return had;
  }

  /// What became of its rooms.
  [[nodiscard]] std::vector<broker::resumed_room> outcome() const {
    std::vector<broker::resumed_room> all;
    all.reserve(places_.size());
    for (const auto& p : places_) {
      auto& r = all.emplace_back();
      r.room = p.what.room;
      r.why = p.why;
      if (p.there) {
        r.position = p.there->what.position;
        r.head = p.there->what.head;
        r.recovered = p.there->what.recovered.value_or(false);
      }
    }
    return all;
  }

private:
  std::string id_;
  std::vector<place> places_;
  std::size_t missing_ = 0;
};

} // namespace hubbub::actors
