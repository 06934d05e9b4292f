#include "cluster/roster_room.hpp"

#include "cluster/roster_hub.hpp"

#include <algorithm>

namespace hubbub::cluster {

void roster_room::heard_message(const nats_message& m) {
  if (const auto h = hub->lock())
    h->on_room(shared_from_this(), m);
}

void roster_rooms::drop(const room_ptr& room) {
  const auto [first, last] = all_.equal_range(room->key);
  const auto it = std::find(first, last, room);
  if (it != last)
    all_.erase(it);
}

roster_room* roster_rooms::known(const broker::room_name& name) const {
  const auto [first, last] = all_.equal_range(key_of(name));
  const auto it = std::find_if(first, last, [&name](const auto& r) { return r->name == name; });
  return it == last ? nullptr : it->get();
}

roster_room* roster_rooms::wanted(const broker::room_name& name) const {
  auto* room = known(name);
  return room != nullptr && room->handler ? room : nullptr;
}

roster_room* roster_rooms::wanted(room_key key) const {
  const auto it = all_.find(key);
  return it != all_.end() && (*it)->handler ? it->get() : nullptr;
}

roster_room* roster_rooms::find(const broker::room_name& name, std::uint64_t life) const {
  auto* room = wanted(name);
  return room != nullptr && room->life == life ? room : nullptr;
}

} // namespace hubbub::cluster
