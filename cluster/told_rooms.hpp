#pragma once

#include "cluster/presence_message.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace hubbub::cluster {

/// The rooms whose parts this node told lately. Each is named in so many beats that a node which heard none
/// of these has taken this one for gone, and asks for everything anyway: so no lost part stays unnoticed.
/// While there is no NATS they add up; of more than `most` the one that was named most goes. One thread at
/// a time.
class told_rooms {
public:
  explicit told_rooms(std::uint32_t beats, std::size_t most = 100'000) : beats_{beats}, most_{most} {}

  /// `number` is the room's newest, told just now.
  void note(room_key room, std::uint64_t number);
  /// It was told before; those that are told now go first.
  void note_again(room_key room, std::uint64_t number);
  /// What the next beat names: `most` rooms; the others come next.
  [[nodiscard]] std::vector<told_room> next(std::size_t most);
  [[nodiscard]] std::size_t size() const noexcept { return rooms_.size(); }

private:
  struct entry {
    std::uint64_t number = 0;
    std::uint32_t beats_left = 0;
  };
  /// True: it has no turn yet.
  [[nodiscard]] bool put(room_key room, std::uint64_t number);

  const std::uint32_t beats_;
  const std::size_t most_;
  std::unordered_map<room_key, entry> rooms_;
  /// Each of `rooms_` once.
  std::deque<room_key> turn_;
};

} // namespace hubbub::cluster
