#include "broker/audience.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::broker {

audience::audience(feed_ptr from, std::uint32_t loop) : from_{std::move(from)}, loop_{loop} {
  from_->on(loop_) = this;
}

audience::~audience() { from_->on(loop_) = nullptr; }

void audience::add(reader& r, cursor at) {
  auto& all = seats(r);
  r.in = this;
  r.from = from_;
  r.index = static_cast<std::uint32_t>(all.size());
  r.pulling = at.place == off_tape;
  all.push_back({r.to->wire, &r, at});
  ++r.to->rooms;
  if (r.wants_presence)
    presence_readers.push_back(&r);
}

void audience::remove(reader& r) {
  auto& all = seats(r);
  // The last one takes the empty seat, so that the array stays dense.
  all[r.index] = all.back();
  all[r.index].who->index = r.index;
  all.pop_back();
  --r.to->rooms;
  std::erase(presence_readers, &r);
  std::erase(r.to->with_news, &r);
  r.in = nullptr;
}

bool audience::empty() const noexcept { return size() == 0; }

std::size_t audience::size() const noexcept {
  std::size_t n = 0;
  for (const auto& all : seats_)
    n += all.size();
  return n;
}

void audience::move_to(feed_ptr next) {
  from_->on(loop_) = nullptr;
  from_ = std::move(next);
  from_->on(loop_) = this;
  const auto live = from_->rules().kind == room_kind::live;
  for (std::size_t f = 0; f < wire_formats; ++f) {
    const auto view = from_->of(static_cast<wire_format>(f)).look();
    for (auto& s : seats_[f]) {
      // A live room has nothing but the moment; a retained one is read on from where each one stood.
      const auto found = live ? std::optional{view.head()} : view.find(s.at.offset);
      s.at = found ? *found : cursor{off_tape, s.at.offset};
      s.who->from = from_;
      s.who->pulling = !found;
      s.who->excluded_passed = 0;
      s.who->overtaken_at = reader::no_offset;
      s.who->presence_version = 0;
    }
  }
}

} // namespace hubbub::broker
