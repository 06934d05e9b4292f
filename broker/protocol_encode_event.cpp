#include "broker/json_writer.hpp"
#include "broker/protocol_event_json.hpp"

#include <cstring>

namespace hubbub::broker::protocol {
namespace {

/// Writes into room that was made before.
struct cursor_writer {
  char* to;

  template <std::size_t N>
  void put(const char (&json)[N]) noexcept {
    std::memcpy(to, json, N - 1);
    to += N - 1;
  }
  void copy(std::string_view text) noexcept { to += text.copy(to, text.size()); }
  void escaped(std::string_view text, std::size_t size) noexcept { to = write_escaped(to, text, size); }
  template <class Number>
  void number(Number n) noexcept {
    to = write_number(to, n);
  }
};

/// What names, quotes and numbers take at most, before the data and behind it.
constexpr std::size_t head_bytes = 64;
constexpr std::size_t tail_bytes = 128;

} // namespace

key_place write_event(std::string& out, const stored_event& e, bool with_room, bool with_offset) {
  const auto type = escaped_size(e.type);
  const auto id = escaped_size(e.event_id);
  const auto from = escaped_size(e.from);
  const auto key = escaped_size(e.key);
  const auto start = out.size();
  out.reserve(start + head_bytes + tail_bytes + e.room.str().size() + type + e.data.size() + id + from + key);

  out.resize(start + head_bytes + e.room.str().size() + type);
  cursor_writer w{out.data() + start};
  if (with_room) {
    w.put("{\"op\":\"event\",\"room\":\"");
    w.copy(e.room.str()); // its grammar has nothing to escape
    w.put("\",\"type\":\"");
  } else {
    w.put("{\"type\":\"");
  }
  w.escaped(e.type, type);
  w.put("\",\"data\":");
  const auto base64 = e.encoding == data_encoding::base64;
  if (base64)
    w.put("\"");
  out.resize(static_cast<std::size_t>(w.to - out.data()));
  // Data can be large: it is not worth making room for it twice.
  out.append(e.data);

  const auto middle = out.size();
  out.resize(middle + tail_bytes + id + from + key);
  w.to = out.data() + middle;
  if (base64)
    w.put("\"");
  w.put(",\"event_id\":\"");
  w.escaped(e.event_id, id);
  w.put("\",\"time\":");
  w.number(e.time_ms);
  if (with_offset) {
    w.put(",\"offset\":");
    w.number(e.offset);
  }
  if (from != 0) {
    w.put(",\"from\":\"");
    w.escaped(e.from, from);
    w.put("\"");
  }
  key_place where;
  if (key != 0) {
    w.put(",\"key\":\"");
    where.at = static_cast<std::uint32_t>(w.to - out.data() - static_cast<std::ptrdiff_t>(start));
    where.size = static_cast<std::uint32_t>(key);
    w.escaped(e.key, key);
    w.put("\"");
  }
  if (base64)
    w.put(",\"encoding\":\"base64\"");
  w.put("}");
  out.resize(static_cast<std::size_t>(w.to - out.data()));
  return where;
}

void write_history(std::string& out, const read_result& r) {
  json_writer to{out};
  to.put("\"events\":[");
  std::string_view comma;
  for (const auto& e : r.events) {
    to.put(comma);
    write_event(out, *e, false, true);
    comma = ",";
  }
  to.put("],\"more\":").boolean(r.more).put(",\"epoch\":").text(r.head.epoch);
}

key_place encode_event(std::string& out, const stored_event& e, bool retained) {
  return write_event(out, e, true, retained);
}

} // namespace hubbub::broker::protocol
