#include "cluster/statement_stream.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {

void statement_stream::restart() {
  take_back();
  begins_ = true;
  walking_ = true;
  cursor_ = {};
  said_all_ = false;
  wait_ = broker::milliseconds{0};
}

void statement_stream::take_back() {
  number_ = 0;
  dirty_.merge(flight_);
  flight_.clear();
}

bool statement_stream::may_speak(broker::steady_time now, broker::milliseconds pace,
                                 broker::milliseconds first, broker::milliseconds longest) {
  if (number_ == 0)
    return !said_all_ || (!dirty_.empty() && now - sent_at_ >= pace);
  wait_ = std::max(wait_, first);
  if (now - sent_at_ < wait_)
    return false;
  const auto wait = std::min(2 * wait_, std::max(first, longest));
  // Whether a beginning was heard is not known; behind one that was not nothing counts.
  if (began_)
    restart();
  else
    take_back();
  wait_ = wait;
  return true;
}

bool statement_stream::take_changed(broker::room_name& room) {
  if (dirty_.empty())
    return false;
  room = std::move(dirty_.extract(dirty_.begin()).value());
  return true;
}

void statement_stream::sent(std::uint64_t number, rooms of, broker::steady_time now) {
  number_ = number;
  flight_ = std::move(of);
  sent_at_ = now;
  began_ = std::exchange(begins_, false);
  says_all_ = is_complete();
}

bool statement_stream::heard(std::uint64_t number, rooms& of) {
  if (number_ == 0 || number != number_)
    return false;
  of = std::exchange(flight_, {});
  number_ = 0;
  wait_ = broker::milliseconds{0};
  said_all_ = said_all_ || says_all_;
  return true;
}

} // namespace hubbub::cluster
