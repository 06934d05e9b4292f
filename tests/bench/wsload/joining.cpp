#include "joining.hpp"

#include "counts.hpp"
#include "sending.hpp"

#include <string.h>

#include <algorithm>

static const vector<Step>& steps_of(Conn& c) { return c.kind != SUB ? g_pub_steps : O.away && !c.epoch.empty() ? g_since_steps : g_sub_steps; }
void run_steps(Conn& c) {
  auto& st = steps_of(c);
  while (c.step < st.size() && st[c.step].send) {
    Vars v; v.i = c.idx; v.room = c.room; v.id = c.kind == PUB ? c.idx - NSUB : 0; v.epoch = c.epoch.c_str(); v.offset = c.offset;
    c.need = c.kind == SUB && st[c.step].t.has_room() ? O.joins : 1;
    for (u32 j = 0; j < c.need; j++) { if (c.need > 1) v.room = room_at(c, j); queue_frame(c, P.binary ? 2 : 1, st[c.step].t.str(v)); }
    c.step++; c.waitn = 0;
  }
  if (c.step >= st.size()) {
    c.st = READY; if (c.inflight) { c.inflight = false; g_inflight--; }
    if (c.kind == SUB) { set_active(c, 1); g_hs.add(now_ns() - c.t_start); }
  } else c.st = STEPPING;
}
// Where a reader is, for joining again from there: `epoch` and the last `offset` of a frame.
void note_position(Conn& c, const char* p, size_t n) {
  if (const char* e = (const char*)memmem(p, n, "\"epoch\":\"", 9)) { e += 9; const char* z = (const char*)memchr(e, '"', size_t(p + n - e)); if (z) c.epoch.assign(e, z); }
  if (const char* o = (const char*)memmem(p, n, "\"offset\":", 9)) c.offset = strtoull(string(o + 9, std::min<size_t>(20, size_t(p + n - o - 9))).c_str(), nullptr, 10);
  if (memmem(p, n, "\"recovered\":true", 16)) g_recovered++;
  if (memmem(p, n, "\"op\":\"gap\"", 10)) g_gaps++;
}
void step_frame(Conn& c, const char* p, size_t n) {
  auto& st = steps_of(c); if (c.step >= st.size()) return;
  const Step& s = st[c.step]; bool ok;
  if (s.count) ok = ++c.waitn >= s.count; else ok = memmem(p, n, s.match.data(), s.match.size()) != nullptr && ++c.waitn >= c.need;
  if (ok) { c.step++; c.waitn = 0; c.need = 1; run_steps(c); }
}
