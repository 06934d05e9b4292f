#pragma once

#include "broker/roster_bus.hpp"
#include "cluster/heard_parts.hpp"
#include "cluster/nats_link.hpp"
#include "cluster/presence_message.hpp"
#include "cluster/way_to.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

namespace hubbub::cluster {

class roster_hub;

/// One room whose people are of interest here, or were a moment ago.
struct roster_room : std::enable_shared_from_this<roster_room> {
  roster_room(way_ptr<roster_hub> h, broker::room_name n)
      : hub{std::move(h)}, name{std::move(n)}, key{key_of(name)} {}

  void heard_message(const nats_message& m);

  /// What is called from the link's threads holds nothing that is gone when the bus is.
  const way_ptr<roster_hub> hub;
  const broker::room_name name;
  const room_key key;
  /// None: nobody wants it any more.
  std::shared_ptr<broker::roster_bus_handler> handler;
  /// Which interest it is.
  std::uint64_t life = 0;
  nats_link::subscription subscribed;

  heard_parts heard;
  /// Of the last part that was told; 0: none.
  std::uint64_t number = 0;
  /// The last part had people in it.
  bool has_people = false;
  /// This interest has told nothing yet.
  bool is_silent = true;
  bool is_synced = true;
  /// Those who have not said yet what they have. Null: none is awaited, as where it is not known who there
  /// is.
  std::unique_ptr<std::vector<broker::owner_id>> awaited;
};

/// The rooms of a hub, wanted or not. No locks: the hub's.
class roster_rooms {
public:
  using room_ptr = std::shared_ptr<roster_room>;

  void add(room_ptr room) { all_.insert(std::move(room)); }
  void drop(const room_ptr& room);

  /// Wanted or not; null: it is not known.
  [[nodiscard]] roster_room* known(const broker::room_name& name) const;
  /// Null: nobody wants it.
  [[nodiscard]] roster_room* wanted(const broker::room_name& name) const;
  /// The one that another node means by that key, if it is wanted. Two rooms in 2^64 share one, and then it
  /// is one of them.
  [[nodiscard]] roster_room* wanted(room_key key) const;
  /// Null: it is not wanted any more, or again, by another interest.
  [[nodiscard]] roster_room* find(const broker::room_name& name, std::uint64_t life) const;

  [[nodiscard]] auto begin() const noexcept { return all_.begin(); }
  [[nodiscard]] auto end() const noexcept { return all_.end(); }

private:
  struct by_key {
    using is_transparent = void;
    [[nodiscard]] static room_key key(room_key k) noexcept { return k; }
    [[nodiscard]] static room_key key(const room_ptr& r) noexcept { return r->key; }
    std::size_t operator()(const auto& r) const noexcept { return key(r); }
    bool operator()(const auto& a, const auto& b) const noexcept { return key(a) == key(b); }
  };

  std::unordered_multiset<room_ptr, by_key, by_key> all_;
};

} // namespace hubbub::cluster
