#include "broker/protocol.hpp"
#include "cluster/part_pieces.hpp"
#include "cluster/presence_message.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

/// Whatever comes from another node is none of its messages, or says what may stand in clients' frames, and
/// says the same when it is written again.
namespace {

using namespace hubbub;
using namespace hubbub::cluster;

void demand(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

bool is_info(const std::string& text) {
  return text.empty() || (broker::protocol::is_json(text) && text.find_first_of("\r\n") == text.npos);
}

template <class T>
T again(const T& m) {
  auto what = read_presence(write_presence(m));
  auto* message = std::get_if<presence_message>(&what);
  demand(message != nullptr && std::holds_alternative<T>(*message), "not the same kind again");
  return std::get<T>(std::move(*message));
}

void check(const beat_message& m) {
  demand(m.owner != 0 && !m.node.empty() && m.node.size() <= most_name_bytes, "no beat");
  const auto copy = again(m);
  demand(copy.node == m.node && copy.told == m.told && copy.sequence == m.sequence, "not the same beat");
}
void check(const farewell_message& m) { demand(m.owner != 0 && again(m).owner == m.owner, "no farewell"); }
void check(const part_message& m) {
  demand(m.part.owner != 0 && !m.room.empty(), "no part");
  for (const auto& one : m.part.put) {
    demand(!one.user.empty() && one.user.size() <= most_name_bytes, "nobody");
    demand(is_info(one.info) && is_info(one.user_info), "no JSON");
  }
  const auto copy = again(m);
  demand(copy.room == m.room && copy.number == m.number && copy.part.put == m.part.put &&
             copy.part.gone == m.part.gone && copy.part.count == m.part.count,
         "not the same part");
  std::size_t put = 0;
  for (const auto& piece : split(part_message{m}, 64))
    put += piece.part.put.size();
  demand(put == m.part.put.size(), "lost on splitting");
}
void check(const ask_message& m) {
  demand(m.asker != 0 && m.rooms.size() <= most_asked_rooms, "no ask");
  demand(again(m).rooms.size() == m.rooms.size(), "not the same ask");
}
void check(const told_message& m) {
  demand(m.owner != 0 && again(m).rooms == m.rooms, "not the same told rooms");
}

void check(const occupancy_message& m) {
  demand(m.owner != 0 && m.rooms.size() <= most_stated_rooms, "no occupancy");
  const auto copy = again(m);
  demand(copy.rooms.size() == m.rooms.size() && copy.number == m.number && copy.begin == m.begin &&
             copy.complete == m.complete && copy.settled == m.settled,
         "not the same occupancy");
  for (std::size_t i = 0; i < m.rooms.size(); ++i)
    demand(!m.rooms[i].room.empty() && copy.rooms[i].room == m.rooms[i].room &&
               copy.rooms[i].told == m.rooms[i].told && copy.rooms[i].here == m.rooms[i].here,
           "not the same statement");
}
void check(const occupancy_heard& m) { demand(m.owner != 0 && again(m).number == m.number, "nothing heard"); }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // From an address as it comes, and from one that no word may have.
  std::string shifted(size + 1, ' ');
  if (size != 0)
    std::memcpy(shifted.data() + 1, data, size);
  const auto what = read_presence({shifted.data() + 1, size});
  demand(what.index() == read_presence({reinterpret_cast<const char*>(data), size}).index(),
         "the address matters");
  if (const auto* m = std::get_if<presence_message>(&what))
    std::visit([](const auto& message) { check(message); }, *m);
  return 0;
}
