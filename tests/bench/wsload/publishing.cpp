#include "publishing.hpp"

#include "counts.hpp"
#include "marker.hpp"
#include "rooms.hpp"
#include "sending.hpp"

static string g_payload, g_frame;
void make_payload() { g_payload.assign(O.size, 'x'); }
void publish(Conn& p, u32 room, u32 stream, u64 ts) {
  u32 seq = room_seq[size_t(room) * g_streams + stream]++;
  write_marker(g_payload.data(), {ts, seq, room, stream});
  Vars v; v.i = p.idx; v.room = room; v.payload = g_payload.data(); v.len = g_payload.size(); v.seq = seq; v.id = p.kind == PUB ? p.idx - NSUB : 0;
  g_frame.clear();
  if (p.tr == T_HTTP) {
    string body = g_pub_frame.str(v);
    g_frame = "POST "; g_pub_path.to(g_frame, v); g_frame += " HTTP/1.1\r\nHost: " + O.host + "\r\n" + g_pub_headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    p.http_out++;
  } else g_pub_frame.to(g_frame, v);
  queue_frame(p, P.binary ? 2 : 1, g_frame);
  g_sent++; g_expected += room_active[room];
}
