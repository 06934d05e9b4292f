#include "cluster/presence_message.hpp"

#include "broker/protocol.hpp"
#include "cluster/presence.capnp.h"
#include "cluster/siphash.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <simdjson.h>

#include <cstring>
#include <memory>

namespace hubbub::cluster {
namespace {

namespace json = broker::protocol;

constexpr std::uint16_t our_version = 1;
constexpr int most_nested = 8;
// A list of nothing may claim any length, so what is read is bounded by what came, and a little.
constexpr std::uint64_t least_words = 1'024;

// -- to bytes ------------------------------------------------------------------------

capnp::Text::Reader capnp_text(const std::string& t) { return {t.c_str(), t.size()}; }

/// Builds a message with `fill(root)`.
template <class F>
std::string written(F&& fill) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<wire::Presence>());
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

void write_told(const std::vector<told_room>& from, capnp::List<wire::ToldRoom>::Builder to) {
  for (unsigned i = 0; i < from.size(); ++i) {
    to[i].setRoom(from[i].room);
    to[i].setNumber(from[i].number);
  }
}

unsigned size_of(std::size_t n) noexcept { return static_cast<unsigned>(n); }

// -- from bytes ----------------------------------------------------------------------

/// Something in a message cannot be. Never leaves this file.
struct refused {};

void demand(bool holds) {
  if (!holds)
    throw refused{};
}

std::string text_of(capnp::Text::Reader from, std::size_t most) {
  demand(from.size() <= most);
  demand(simdjson::validate_utf8(from.cStr(), from.size()));
  return {from.cStr(), from.size()};
}

std::string name_of(capnp::Text::Reader from) {
  demand(from.size() > 0);
  return text_of(from, most_name_bytes);
}

/// Empty, or one JSON value on one line, as frames have it.
std::string info_of(capnp::Text::Reader from) {
  demand(from.size() <= most_info_bytes);
  std::string info{from.cStr(), from.size()};
  demand(info.empty() || (json::is_json(info) && info.find_first_of("\r\n") == info.npos));
  return info;
}

broker::owner_id owner_of(std::uint64_t id) {
  demand(id != 0);
  return id;
}

broker::room_name room_of(capnp::Text::Reader from) {
  auto name = broker::room_name::parse({from.cStr(), from.size()});
  demand(name.has_value());
  return std::move(*name);
}

std::vector<told_room> told_of(capnp::List<wire::ToldRoom>::Reader from) {
  demand(from.size() <= most_told_rooms);
  std::vector<told_room> all;
  all.reserve(from.size());
  for (const auto r : from)
    all.push_back({r.getRoom(), r.getNumber()});
  return all;
}

beat_message read(wire::Beat::Reader from) {
  beat_message m;
  m.node = name_of(from.getNode());
  m.owner = owner_of(from.getOwner());
  m.started_ms = from.getStartedMs();
  m.sequence = from.getSequence();
  m.draining = from.getDraining();
  m.keeps_occupancy = from.getKeepsOccupancy();
  m.told = told_of(from.getTold());
  return m;
}

part_message read(wire::Part::Reader from) {
  part_message m;
  m.room = room_of(from.getRoom());
  m.number = from.getNumber();
  m.piece = from.getPiece();
  m.last = from.getLast();
  auto& p = m.part;
  p.owner = owner_of(from.getOwner());
  p.whole = from.getWhole();
  p.listed = from.getListed();
  p.count = from.getCount();
  const auto put = from.getPut();
  const auto gone = from.getGone();
  demand(put.size() <= most_members && gone.size() <= most_members);
  p.put.reserve(put.size());
  for (const auto one : put)
    p.put.push_back(
        {name_of(one.getUser()), info_of(one.getUserInfo()), info_of(one.getInfo()), one.getConnections()});
  p.gone.reserve(gone.size());
  for (const auto user : gone)
    p.gone.push_back(name_of(user));
  return m;
}

ask_message read(wire::Ask::Reader from) {
  ask_message m;
  m.asker = owner_of(from.getAsker());
  m.numbers_only = from.getNumbersOnly();
  const auto rooms = from.getRooms();
  demand(rooms.size() <= most_asked_rooms);
  m.rooms.reserve(rooms.size());
  for (const auto r : rooms)
    m.rooms.push_back({room_of(r.getRoom()), r.getHave()});
  return m;
}

told_word word_of(wire::ToldWord from) {
  switch (from) {
  case wire::ToldWord::NOTHING:
    return told_word::nothing;
  case wire::ToldWord::OCCUPIED:
    return told_word::occupied;
  case wire::ToldWord::VACATED:
    return told_word::vacated;
  case wire::ToldWord::UNKNOWN:
    break;
  }
  return told_word::unknown;
}

wire::ToldWord wire_word(told_word from) {
  switch (from) {
  case told_word::nothing:
    return wire::ToldWord::NOTHING;
  case told_word::occupied:
    return wire::ToldWord::OCCUPIED;
  case told_word::vacated:
    return wire::ToldWord::VACATED;
  case told_word::unknown:
    break;
  }
  return wire::ToldWord::UNKNOWN;
}

occupancy_message read(wire::Occupancy::Reader from) {
  occupancy_message m;
  m.owner = owner_of(from.getOwner());
  m.view = from.getView();
  m.number = from.getNumber();
  m.found_again = from.getFoundAgain();
  m.begin = from.getBegin();
  m.settled = from.getSettled();
  m.complete = from.getComplete();
  const auto rooms = from.getRooms();
  demand(rooms.size() <= most_stated_rooms);
  m.rooms.reserve(rooms.size());
  for (const auto r : rooms)
    m.rooms.push_back({room_of(r.getRoom()), r.getHere(), r.getChanged(), word_of(r.getTold())});
  return m;
}

std::variant<presence_message, presence_flaw> read(wire::Presence::Reader from) {
  if (from.getNeeds() > our_version)
    return presence_flaw::newer;
  switch (from.which()) {
  case wire::Presence::BEAT:
    return presence_message{read(from.getBeat())};
  case wire::Presence::FAREWELL:
    return presence_message{farewell_message{owner_of(from.getFarewell().getOwner())}};
  case wire::Presence::PART:
    return presence_message{read(from.getPart())};
  case wire::Presence::ASK:
    return presence_message{read(from.getAsk())};
  case wire::Presence::TOLD: {
    const auto told = from.getTold();
    return presence_message{told_message{owner_of(told.getOwner()), told_of(told.getRooms())}};
  }
  case wire::Presence::OCCUPANCY:
    return presence_message{read(from.getOccupancy())};
  case wire::Presence::OCCUPANCY_HEARD: {
    const auto heard = from.getOccupancyHeard();
    return presence_message{
        occupancy_heard{owner_of(heard.getOwner()), heard.getView(), heard.getNumber(), heard.getAgain()}};
  }
  }
  return presence_flaw::newer;
}

} // namespace

room_key key_of(const broker::room_name& room) noexcept { return siphash({0, 0}, room.str()).low; }

std::string write_presence(const beat_message& m) {
  return written([&m](wire::Presence::Builder root) {
    auto to = root.initBeat();
    to.setNode(capnp_text(m.node));
    to.setOwner(m.owner);
    to.setStartedMs(m.started_ms);
    to.setSequence(m.sequence);
    to.setDraining(m.draining);
    to.setKeepsOccupancy(m.keeps_occupancy);
    write_told(m.told, to.initTold(size_of(m.told.size())));
  });
}

std::string write_presence(const farewell_message& m) {
  return written([&m](wire::Presence::Builder root) { root.initFarewell().setOwner(m.owner); });
}

std::string write_presence(const part_message& m) {
  return written([&m](wire::Presence::Builder root) {
    auto to = root.initPart();
    to.setOwner(m.part.owner);
    to.setRoom(capnp_text(m.room.str()));
    to.setNumber(m.number);
    to.setPiece(m.piece);
    to.setLast(m.last);
    to.setWhole(m.part.whole);
    to.setListed(m.part.listed);
    to.setCount(m.part.count);
    auto put = to.initPut(size_of(m.part.put.size()));
    for (unsigned i = 0; i < put.size(); ++i) {
      put[i].setUser(capnp_text(m.part.put[i].user));
      put[i].setUserInfo(capnp_text(m.part.put[i].user_info));
      put[i].setInfo(capnp_text(m.part.put[i].info));
      put[i].setConnections(m.part.put[i].connections);
    }
    auto gone = to.initGone(size_of(m.part.gone.size()));
    for (unsigned i = 0; i < gone.size(); ++i)
      gone.set(i, capnp_text(m.part.gone[i]));
  });
}

std::string write_presence(const ask_message& m) {
  return written([&m](wire::Presence::Builder root) {
    auto to = root.initAsk();
    to.setAsker(m.asker);
    to.setNumbersOnly(m.numbers_only);
    auto rooms = to.initRooms(size_of(m.rooms.size()));
    for (unsigned i = 0; i < rooms.size(); ++i) {
      rooms[i].setRoom(capnp_text(m.rooms[i].room.str()));
      rooms[i].setHave(m.rooms[i].have);
    }
  });
}

std::string write_presence(const told_message& m) {
  return written([&m](wire::Presence::Builder root) {
    auto to = root.initTold();
    to.setOwner(m.owner);
    write_told(m.rooms, to.initRooms(size_of(m.rooms.size())));
  });
}

std::string write_presence(const occupancy_message& m) {
  return written([&m](wire::Presence::Builder root) {
    auto to = root.initOccupancy();
    to.setOwner(m.owner);
    to.setView(m.view);
    to.setNumber(m.number);
    to.setFoundAgain(m.found_again);
    to.setBegin(m.begin);
    to.setSettled(m.settled);
    to.setComplete(m.complete);
    auto rooms = to.initRooms(size_of(m.rooms.size()));
    for (unsigned i = 0; i < rooms.size(); ++i) {
      rooms[i].setRoom(capnp_text(m.rooms[i].room.str()));
      rooms[i].setHere(m.rooms[i].here);
      rooms[i].setChanged(m.rooms[i].changed);
      rooms[i].setTold(wire_word(m.rooms[i].told));
    }
  });
}

std::string write_presence(const occupancy_heard& m) {
  return written([&m](wire::Presence::Builder root) {
    auto to = root.initOccupancyHeard();
    to.setOwner(m.owner);
    to.setView(m.view);
    to.setNumber(m.number);
    to.setAgain(m.again);
  });
}

std::variant<presence_message, presence_flaw> read_presence(std::string_view bytes) {
  if (bytes.size() < sizeof(capnp::word) || bytes.size() % sizeof(capnp::word) != 0)
    return presence_flaw::malformed;
  const auto count = bytes.size() / sizeof(capnp::word);
  const auto* words = reinterpret_cast<const capnp::word*>(bytes.data());
  std::unique_ptr<capnp::word[]> copy;
  // NATS promises no alignment and Cap'n Proto demands it, so copy when unlucky.
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::uint64_t) != 0) {
    copy = std::make_unique_for_overwrite<capnp::word[]>(count);
    std::memcpy(static_cast<void*>(copy.get()), bytes.data(), bytes.size());
    words = copy.get();
  }
  capnp::ReaderOptions bounds;
  bounds.traversalLimitInWords = least_words + 2 * count;
  bounds.nestingLimit = most_nested;
  // The library throws at what is malformed, and offers no other way.
  try {
    capnp::FlatArrayMessageReader reader{kj::arrayPtr(words, count), bounds};
    return read(reader.getRoot<wire::Presence>());
  } catch (...) {
    return presence_flaw::malformed;
  }
}

} // namespace hubbub::cluster
