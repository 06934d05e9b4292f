#pragma once

#include "broker/clock.hpp"

#include <cstddef>
#include <cstdint>

namespace hubbub::cluster {

/// How nodes tell each other of their people. The defaults are what `docs/protocol.md` promises; tests make
/// the times shorter.
struct roster_options {
  /// Between two beats of a node.
  broker::milliseconds beat{1'000};
  /// A node that was not heard for so long is gone, with its people.
  broker::milliseconds lease{4'000};
  /// How long a room waits at most for what the other nodes have to say at first.
  broker::milliseconds sync{250};
  /// How long what a room has told outlives its interest: it may come back after a crash.
  broker::milliseconds take_back{1'000};
  /// What was lost is asked for again after this, then twice that, at most a lease.
  broker::milliseconds ask_again{100};
  /// How many rooms are asked about in a second, of all nodes together.
  std::uint32_t asks_per_second = 4'000;
  /// To so many nodes at most a new room goes by name, so that who has nothing says so at once.
  std::uint32_t few_nodes = 8;
  /// A beat names so many rooms at most; the others' turn comes with the next.
  std::uint32_t told_in_beat = 2'000;
  /// A part whose texts are longer goes in pieces; well below NATS' largest payload.
  std::size_t piece_bytes = 131'072;
  /// What other nodes have sent in pieces that are not yet all there may take so much.
  std::size_t pieces_bytes = 32 << 20;
  /// How many other nodes there may be.
  std::size_t nodes = 1'000;
  /// Which notices backends get of rooms that have readers. With neither nothing is kept of it.
  bool tells_occupied = false;
  bool tells_vacated = false;
};

} // namespace hubbub::cluster
