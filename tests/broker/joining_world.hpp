#pragma once

#include "broker/audience.hpp"
#include "tests/broker/room_world.hpp"
#include "tests/support/catch.hpp"

namespace hubbub::tests {

/// Reads the room before anybody else.
inline constexpr std::uint64_t watcher = 1'000'000;

/// A room that is open, and whose tape begins behind its first events: joins from there ask the log.
struct joining_fixture : room_world {
  joining_fixture() : room_world{short_tape()} {
    room.ready(head());
    const auto first = join(watcher);
    REQUIRE(joined.contains(first)); // its tape is made with its first reader
    say(60);
    REQUIRE(room.readers() == 1);
  }
  /// A position that lies before the tape.
  [[nodiscard]] stream_position early() const { return {head().epoch, 2}; }
};

} // namespace hubbub::tests
