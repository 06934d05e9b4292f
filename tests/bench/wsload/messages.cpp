#include "messages.hpp"

#include "counts.hpp"
#include "joining.hpp"
#include "marker.hpp"
#include "publishing.hpp"
#include "rooms.hpp"
#include "sending.hpp"

#include <string.h>

#include <algorithm>

// What a reader has had of a room's publisher.
struct Seq { u32 next = 0; u64 seen = 0; };
static vector<Seq> S;
void make_sequences() { S.resize(size_t(NSUB) * O.joins * g_streams); }

static void on_message(Conn& c, const char* m, u64 t) {
  auto [ts, seq, room, str] = read_marker(m);
  u32 j = O.joins == 1 || room == c.room ? 0 : room / g_stride;
  if (room != room_at(c, j) || j >= O.joins || str >= g_streams) { g_misroute++; return; }
  Seq& s = S[(size_t(c.idx) * O.joins + j) * g_streams + str];
  if (seq == s.next) { s.next++; s.seen = s.seen << 1 | 1; }
  else if (seq > s.next) { u32 d = seq - s.next + 1; s.seen = d >= 64 ? 1 : (s.seen << d | 1); s.next = seq + 1; }
  else { u32 d = s.next - 1 - seq; if (d >= 64 || (s.seen >> d & 1)) { g_dup++; return; } s.seen |= 1ull << d; g_ooo++; }
  if (c.slow) { g_slow_deliv++; return; }
  g_deliv++;
  if (g_measuring) { m_deliv++; g_lat.add(t > ts ? t - ts : 0); }
  if (O.mode[0] == 'e' && g_running) publish(c, c.room, 0, now_ns());
}
size_t on_data(Conn& c, const char* p, size_t n, u64 t) {
  size_t off = 0; bool any = false;
  if (O.away && c.kind == SUB) note_position(c, p, n);
  if (n >= HEAD + c.hint && memcmp(p + c.hint, MARK, 4) == 0) { if (c.kind == SUB) on_message(c, p + c.hint, t); any = true; off = c.hint + O.size; }
  while (off + HEAD <= n) {
    const char* q = (const char*)memmem(p + off, n - off, MARK, 4);
    if (!q) break;
    size_t o = size_t(q - p); if (o + HEAD > n) break;
    if (!any) c.hint = u32(o);
    if (c.kind == SUB) on_message(c, q, t);
    any = true; off = o + O.size;
  }
  if (any) return n;
  for (auto& r : P.replies) {
    bool hit = r.how == '=' ? (n == r.match.size() && memcmp(p, r.match.data(), n) == 0) : r.how == '^' ? (n >= r.match.size() && memcmp(p, r.match.data(), r.match.size()) == 0) : memmem(p, n, r.match.data(), r.match.size()) != nullptr;
    if (hit) { g_pings++; queue_frame(c, P.binary ? 2 : 1, r.answer); return n; }
  }
  if (c.st == STEPPING) step_frame(c, p, n);
  else if (g_running && c.kind == SUB) { g_unparsed++; if (g_unparsed == 1 && O.verbose) fprintf(stderr, "unparsed frame: %.*s\n", int(std::min<size_t>(n, 200)), p); }
  return n;
}
