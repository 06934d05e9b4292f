#include "broker/protocol.hpp"
#include "broker/protocol_member_json.hpp"

namespace hubbub::broker::protocol {

void encode_welcome(std::string& out, const welcome& w) {
  json_writer to{out};
  to.put("{\"op\":\"welcome\",\"session\":").text(w.session);
  to.put(",\"node\":").text(w.node);
  to.put(",\"user\":").text_or_null(w.user);
  to.put(",\"ticket\":").text_or_null(w.ticket);
  to.put(",\"ping_ms\":").number(w.ping_ms);
  to.put(",\"limits\":{\"payload_bytes\":").number(w.bounds.payload_bytes);
  to.put(",\"rooms\":").number(w.bounds.rooms);
  to.put(",\"commands_in_flight\":").number(w.bounds.commands_in_flight);
  to.put(",\"commands_per_second\":").number(w.bounds.commands_per_second);
  to.put(",\"control_bytes\":").number(w.bounds.control_bytes);
  to.put("},\"version\":").text(w.version).put("}");
}

void encode_gap(std::string& out, const gap& g) {
  json_writer to{out};
  to.put("{\"op\":\"gap\",\"room\":").text(g.room.str()).put(",\"from\":").number(g.from).put(",\"to\":");
  if (g.to)
    to.number(*g.to).put("}");
  else
    to.put("null}");
}

void encode_dropped(std::string& out, const room_name& room, std::uint64_t count) {
  json_writer to{out};
  to.put("{\"op\":\"dropped\",\"room\":").text(room.str()).put(",\"count\":").number(count).put("}");
}

void encode_presence(std::string& out, const presence_change& p) {
  json_writer to{out};
  to.put("{\"op\":\"presence\",\"room\":").text(p.room.str());
  to.put(",\"version\":").number(p.version).put(",\"count\":").number(p.count);
  const auto list = [&](std::string_view name, const std::vector<member>& members) {
    to.put(name);
    write_members(to, members);
  };
  if (p.reset) {
    list(",\"reset\":true,\"members\":", p.join);
  } else {
    if (!p.join.empty())
      list(",\"join\":", p.join);
    if (!p.leave.empty())
      list(",\"leave\":", p.leave);
    if (!p.update.empty())
      list(",\"update\":", p.update);
  }
  to.put("}");
}

void encode_ping(std::string& out) { out.append("{\"op\":\"ping\"}"); }

void encode_expiring(std::string& out, std::int64_t in_ms) {
  json_writer{out}.put("{\"op\":\"expiring\",\"in_ms\":").number(in_ms).put("}");
}

void encode_ticket(std::string& out, std::string_view ticket) {
  json_writer{out}.put("{\"op\":\"ticket\",\"ticket\":").text(ticket).put("}");
}

void encode_goodbye(std::string& out, const disconnect& why) {
  json_writer to{out};
  to.put("{\"op\":\"goodbye\",\"code\":").number(static_cast<std::uint16_t>(why.code));
  to.put(",\"reason\":").text(why.reason).put(",\"reconnect\":").boolean(why.reconnect());
  if (why.retry_after_ms != 0)
    to.put(",\"retry_after_ms\":").number(why.retry_after_ms);
  to.put("}");
}

} // namespace hubbub::broker::protocol
