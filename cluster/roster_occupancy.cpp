#include "broker/json_writer.hpp"
#include "broker/notice.hpp"
#include "cluster/roster_hub.hpp"

#include <algorithm>

namespace hubbub::cluster {

void roster_hub::occupy(const broker::room_name& room, bool here) {
  const std::lock_guard lock{mutex_}; // what follows from it waits for the next tick
  if (occupancy_)
    occupancy_->set(room, here);
}

void roster_hub::tick_occupancy() {
  if (!occupancy_)
    return;
  std::vector<broker::owner_id> all{self_};
  for (const auto& [owner, node] : members_.alive())
    if (node.keeps_occupancy)
      all.push_back(owner);
  std::sort(all.begin(), all.end());
  occupancy_->members(std::move(all), now_);
  occupancy_->tick(now_, link_->is_connected() && now_ >= occupancy_counts_);
}

void roster_hub::send_occupancy() {
  if (!occupancy_)
    return;
  for (auto& o : occupancy_->take_outgoing())
    calls_.add([self = shared_from_this(), to = names_.to_node(o.to), what = std::move(o.what)] {
      self->link_->send(to, {}, std::visit([](const auto& m) { return write_presence(m); }, what));
    });
  if (auto batch = occupancy_->take_batch())
    calls_.add([self = shared_from_this(), what = std::move(*batch)] { self->tell_backends(what); });
}

void roster_hub::tell_backends(const occupancy::batch& what) {
  const auto done = [weak = weak_from_this(), id = what.id](bool was) {
    const auto hub = weak.lock();
    if (!hub)
      return;
    const turn now{*hub};
    if (hub->occupancy_)
      hub->occupancy_->told(id, was);
  };
  bool all = true;
  for (const auto& n : what.all)
    all = tell_backends(n.room, n.occupied) && all;
  if (!all)
    return done(false);
  // The server has what went before once it has said that nobody listens here.
  link_->request(names_.nobody(), {}, {}, [done](nats_link::fate fate, const nats_message&) {
    done(fate == nats_link::fate::nobody || fate == nats_link::fate::answered);
  });
}

bool roster_hub::tell_backends(const broker::room_name& room, bool occupied) {
  if (!(occupied ? options_.tells_occupied : options_.tells_vacated))
    return true;
  const auto kind = occupied ? broker::notice_kind::occupied : broker::notice_kind::vacated;
  std::string text;
  broker::protocol::json_writer to{text};
  to.put("{\"time\":").number(time_.unix_ms()).put(",\"room\":").text(room.str()).put("}");
  if (!link_->send(names_.notify(broker::notice_names[static_cast<std::size_t>(kind)]), {}, text))
    return false;
  ++counters_.noticed;
  return true;
}

} // namespace hubbub::cluster
