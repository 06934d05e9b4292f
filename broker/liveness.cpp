#include "broker/liveness.hpp"

#include <algorithm>

namespace hubbub::broker {
liveness::verdict liveness::check(const connection& wire, const limits& bounds, session_id who, bool reading,
                                  steady_time now) {
  const auto unsent = wire.unsent_bytes();
  if (unsent == 0 || unsent < unsent_ || wire.last_sent() > progress_)
    progress_ = now;
  unsent_ = unsent;
  if (unsent > 0 && now - progress_ >= bounds.stall)
    return {now, false, disconnect{close_code::slow_consumer, "took nothing for too long"}};
  if (!reading) {
    if (pinged_)
      pinged_ = now; // its pong may lie unread: it has all its time once reading goes on
    return {now + std::min(bounds.pong_within, bounds.stall / 4), false, {}};
  }
  auto heard = check_heard(wire, bounds, who, now);
  heard.next = std::min(heard.next, now + bounds.stall / 4);
  return heard;
}

liveness::verdict liveness::check_heard(const connection& wire, const limits& bounds, session_id who,
                                        steady_time now) {
  const auto heard = wire.last_received();
  if (pinged_ && heard >= *pinged_)
    pinged_.reset();
  if (pinged_) {
    const auto until = *pinged_ + bounds.pong_within;
    if (now < until)
      return {until, false, {}};
    // The ping may be among what waits for a client that reads slowly: then its progress counts. But a host
    // that acknowledges nothing is gone.
    if (unsent_ > 0 && wire.unacknowledged_for() < bounds.pong_within)
      return {now + bounds.pong_within, false, {}};
    return {now, false, disconnect{close_code::heartbeat_missed, "did not answer a ping", retry_soon_ms}};
  }
  // What came together does not ping together: the first pings are spread over a quarter of the interval, and
  // whose answers come together again later drift apart.
  const auto spread = bounds.ping / (was_pinged_ ? 16 : 4);
  const auto due =
      heard + bounds.ping -
      milliseconds{static_cast<std::int64_t>(who.value % static_cast<std::uint64_t>(spread.count() + 1))};
  if (now < due)
    return {due, false, {}};
  pinged_ = now;
  was_pinged_ = true;
  return {now + bounds.pong_within, true, {}};
}

} // namespace hubbub::broker
