#include "sending.hpp"

#include "socket.hpp"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

static vector<u32> g_dirty;
static u64 g_mask = 0x9E3779B97F4A7C15ull;

void flush(Conn& c) {
  size_t off = 0;
  while (off < c.out.size()) {
    ssize_t n = put(c, c.out.data() + off, c.out.size() - off);
    if (n > 0) { off += size_t(n); continue; }
    if (errno == EAGAIN || errno == ENOTCONN) break;
    if (errno == EINTR) continue;
    conn_lost(c, strerror(errno)); return;
  }
  c.out.erase(0, off);
  bool w = !c.out.empty() && !(c.ssl && c.tls_reads);
  if (w != c.wantout) { c.wantout = w; ep_set(c, EPOLL_CTL_MOD, (w ? EPOLLOUT : 0u) | (c.tr == T_CMD ? 0u : EPOLLIN)); }
}
static void frame_to(string& o, u8 op, const char* p, size_t n) {
  g_mask ^= g_mask << 13; g_mask ^= g_mask >> 7; g_mask ^= g_mask << 17;
  u32 key = u32(g_mask) | 0x01010101u; char h[14]; size_t k = 2; h[0] = char(0x80 | op);
  if (n < 126) h[1] = char(0x80 | n);
  else if (n < 65536) { h[1] = char(0x80 | 126); h[2] = char(n >> 8); h[3] = char(n); k = 4; }
  else { h[1] = char(0x80 | 127); for (int i = 0; i < 8; i++) h[2 + i] = char(u64(n) >> (56 - 8 * i)); k = 10; }
  memcpy(h + k, &key, 4); o.append(h, k + 4);
  size_t at = o.size(); o.append(p, n); char* d = o.data() + at; size_t i = 0;
  u64 kk = (u64(key) << 32) | key;
  for (; i + 8 <= n; i += 8) { u64 w; memcpy(&w, d + i, 8); w ^= kk; memcpy(d + i, &w, 8); }
  for (; i < n; i++) d[i] ^= char(key >> (8 * (i & 3)));
}
void queue_frame(Conn& c, u8 op, const string& s) {
  if (c.tr == T_WS) frame_to(c.out, op, s.data(), s.size()); else c.out += s;
  if (!c.dirty) { c.dirty = true; g_dirty.push_back(c.idx); }
}
void flush_dirty() { for (size_t i = 0; i < g_dirty.size(); i++) { Conn& c = C[g_dirty[i]]; c.dirty = false; if (c.fd >= 0 && !c.out.empty() && !c.wantout) flush(c); } g_dirty.clear(); }
