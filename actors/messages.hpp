#pragma once

#include "broker/backend.hpp"
#include "broker/event_bus.hpp"
#include "broker/room.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

/// What actors say to each other. None of it leaves the process.
namespace hubbub::actors {

/// Who asked, and its number for the question.
struct caller {
  caf::strong_actor_ptr who;
  std::uint32_t slot = 0;
  /// Who answers for what it breaks (`culprit_mark`); 0: nobody is known.
  std::uint64_t by = 0;
};

// -- to a room, counted by its gate -------------------------------------------

struct join_message {
  caller from;
  broker::join_request what;
};
struct publish_message {
  caller from;
  broker::event what;
};
struct update_message {
  caller from;
  broker::session_id session;
  std::string info;
};
struct members_message {
  caller from;
  std::uint32_t limit = 0;
  std::string after;
};

// -- to a room, never refused: bounded by what is outstanding --------------------

struct leave_message {
  broker::session_id session;
  /// Its session goes on over another connection, which will hardly fail to join again.
  bool goes_on = false;
};
/// The readers of a loop that outlived the room's crash.
struct adopt_message {
  /// It came through the gate after all, so that it cannot meet a room that ends.
  bool counted = false;
  std::uint32_t loop = 0;
  std::vector<broker::adopted_reader> readers;
};
/// It is time for something that it knows of.
struct nudge {
  enum class to : std::uint8_t {
    /// Something came from the bus: look into the inbox.
    read_bus,
    flush_news,
    tick,
    mind_log,
    /// May the room end?
    sweep,
  };
  to what = to::tick;
};

// -- to who asked ---------------------------------------------------------------

struct updated {};

/// Answers one question.
struct answer {
  std::uint32_t slot = 0;
  std::variant<broker::refusal, broker::join_answer, broker::stored, broker::publish_refused,
               broker::member_page, broker::read_result, broker::backend_answer, updated>
      what;
};

// -- between connections -----------------------------------------------------------

/// Another connection goes on with your session: leave your rooms, and say so.
struct session_taken {
  caf::strong_actor_ptr who;
};
/// The rooms of your session have nobody of it any more.
struct session_left {};

// -- to the supervisor of rooms ---------------------------------------------------

struct room_down {
  broker::room_name room;
  std::string reason;
  /// As in `caller`.
  std::uint64_t by = 0;
};

} // namespace hubbub::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::join_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::publish_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::update_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::members_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::leave_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::adopt_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::nudge)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::session_taken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::session_left)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::actors::room_down)
