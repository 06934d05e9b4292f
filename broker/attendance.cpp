#include "broker/attendance.hpp"

namespace hubbub::broker {

namespace {

// From so many readers on they are counted by loop.
constexpr std::size_t many_readers = 17;

} // namespace

void attendance::add(session_id who, std::uint32_t loop, bool presence) {
  if (has(who))
    return;
  const seat s{loop, presence};
  seats_.put(who, s);
  loops_ |= feed::bit(loop);
  if (presence)
    presence_loops_ |= feed::bit(loop);
  if (on_) {
    count(s);
  } else if (seats_.size() == many_readers) {
    on_ = std::make_unique<std::vector<counts>>();
    seats_.for_each([this](session_id, const seat& each) { count(each); });
  }
}

bool attendance::remove(session_id who) {
  const auto* found = seats_.find(who);
  if (found == nullptr)
    return false;
  const auto [loop, presence] = *found;
  seats_.take(who);
  if (!on_) {
    look_again();
    return true;
  }
  auto& left = (*on_)[loop];
  if (--left.all == 0)
    loops_ &= ~feed::bit(loop);
  if (presence && --left.presence == 0)
    presence_loops_ &= ~feed::bit(loop);
  if (seats_.empty())
    on_.reset();
  return true;
}

void attendance::count(const seat& s) {
  if (on_->size() <= s.loop)
    on_->resize(s.loop + 1);
  auto& there = (*on_)[s.loop];
  ++there.all;
  if (s.presence)
    ++there.presence;
}

void attendance::look_again() noexcept {
  loops_ = presence_loops_ = 0;
  seats_.for_each([this](session_id, const seat& s) {
    loops_ |= feed::bit(s.loop);
    if (s.presence)
      presence_loops_ |= feed::bit(s.loop);
  });
}

} // namespace hubbub::broker
