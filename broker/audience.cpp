#include "broker/audience.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::broker {

audience::audience(feed_ptr from, std::uint32_t loop) : loop_{loop}, from_{std::move(from)} {
  from_->on(loop_) = this;
}

audience::~audience() { from_->on(loop_) = nullptr; }

void audience::add(reader& r, cursor at, const feed_serial& on) {
  auto& all = seats(r);
  r.in = this;
  r.index = static_cast<std::uint32_t>(all.size());
  r.pulling = at.place == off_tape;
  auto& s = all.emplace_back(seat{r.to->wire, &r, at});
  if (on != from_->serial())
    place(s, r.to->format, from_->of(r.to->format).look());
  else if (from_->rules().kind == room_kind::live)
    begin_counting(s);
  ++r.to->rooms;
  if (r.wants_presence) {
    if (!presence_)
      presence_ = std::make_unique<presence_round>();
    presence_->readers.push_back(&r);
    if (presence_->left > 0)
      presence_->left = presence_->readers.size();
  }
  begin_round();
}

void audience::remove(reader& r) {
  auto& all = seats(r);
  // The last one takes the empty seat, so that the array stays dense.
  all[r.index] = all.back();
  all[r.index].who->index = r.index;
  all.pop_back();
  // Somebody whose turn was still to come may sit now where it is over.
  if (round_.left > 0)
    begin_round();
  --r.to->rooms;
  if (presence_) {
    std::erase(presence_->readers, &r);
    if (presence_->left > 0)
      presence_->left = presence_->readers.size();
  }
  if (std::exchange(r.noted, false))
    std::erase(r.to->with_news, &r);
  r.in = nullptr;
}

void audience::begin_round() noexcept { round_.left = static_cast<std::uint32_t>(size()); }

audience::run audience::next_run() noexcept {
  while (round_.next >= seats_[round_.format].size()) {
    round_.next = 0;
    round_.format = (round_.format + 1) % wire_formats;
  }
  const std::span all{seats_[round_.format]};
  return {static_cast<wire_format>(round_.format),
          all.subspan(round_.next, std::min<std::size_t>(round_.left, all.size() - round_.next))};
}

void audience::visited(std::size_t n) noexcept {
  round_.next += static_cast<std::uint32_t>(n);
  round_.left -= static_cast<std::uint32_t>(n);
}

bool audience::begin_presence() noexcept {
  return presence_ && !presence_->readers.empty() &&
         std::exchange(presence_->left, presence_->readers.size()) == 0;
}

std::span<reader* const> audience::next_presence(std::size_t most) noexcept {
  if (!presence_)
    return {};
  auto& [readers, next, left] = *presence_;
  const std::span<reader* const> all{readers};
  if (next >= all.size())
    next = 0;
  const auto some = all.subspan(next, std::min({most, left, all.size() - next}));
  next += some.size();
  left -= some.size();
  return some;
}

bool audience::empty() const noexcept { return size() == 0; }

std::size_t audience::size() const noexcept {
  std::size_t n = 0;
  for (const auto& all : seats_)
    n += all.size();
  return n;
}

void audience::place(seat& s, wire_format f, const tape_view& view) {
  // A live room has nothing but the moment; a retained one is read on from where each one stood.
  const auto live = from_->rules().kind == room_kind::live;
  std::optional<cursor> found;
  if (from_->settled(f))
    found = live ? std::optional{view.head()} : view.find(s.at.offset);
  s.at = found ? *found : cursor{off_tape, s.at.offset};
  s.who->pulling = !found && !live;
  if (found && live)
    begin_counting(s);
}

void audience::begin_counting(const seat& s) {
  auto& r = *s.who;
  const auto look = from_->of(r.to->format).look_overtaken(r.to->session, 0);
  r.excluded_passed = look.excluded + look.view.hidden(look.view.tail().place, s.at.place, r.to->session);
}

void audience::move_to(feed_ptr next) {
  from_->on(loop_) = nullptr;
  from_ = std::move(next);
  from_->on(loop_) = this;
  has_news = false; // that was the other feed's
  if (presence_)
    presence_->left = 0;
  for (std::size_t f = 0; f < wire_formats; ++f) {
    const auto format = static_cast<wire_format>(f);
    const auto view = from_->of(format).look();
    for (auto& s : seats_[f]) {
      s.who->overtaken_at = reader::no_offset;
      s.who->conflated_sent = 0;
      s.who->presence_version = 0;
      place(s, format, view);
    }
  }
  begin_round();
}

void audience::place_rest() {
  for (std::size_t f = 0; f < wire_formats; ++f) {
    const auto format = static_cast<wire_format>(f);
    const auto view = from_->of(format).look();
    for (auto& s : seats_[f])
      if (s.at.place == off_tape && !s.who->asked)
        place(s, format, view);
  }
  begin_round();
}

} // namespace hubbub::broker
