#include "receiving.hpp"

#include "counts.hpp"
#include "joining.hpp"
#include "messages.hpp"
#include "sending.hpp"
#include "socket.hpp"

#include <errno.h>
#include <string.h>

#include <algorithm>

static size_t parse_answers(Conn& c, const char* p, size_t n) {
  size_t pos = 0;
  while (pos < n) {
    const char* e = (const char*)memmem(p + pos, n - pos, "\r\n\r\n", 4); if (!e) return pos;
    string h(p + pos, e + 4); size_t body = 0; bool chunked = false;
    for (size_t i = 0; (i = h.find("\r\n", i)) != string::npos; i += 2) { const char* l = h.c_str() + i + 2; if (!strncasecmp(l, "content-length:", 15)) body = size_t(atol(l + 15)); if (!strncasecmp(l, "transfer-encoding: chunked", 26)) chunked = true; }
    size_t hl = size_t(e + 4 - (p + pos));
    if (chunked) { const char* z = (const char*)memmem(p + pos + hl, n - pos - hl, "0\r\n\r\n", 5); if (!z) return pos; body = size_t(z + 5 - (p + pos + hl)); }
    if (pos + hl + body > n) return pos;
    if (h.compare(9, 1, "2") != 0) { g_http_bad++; note("publish: " + h.substr(0, h.find("\r\n"))); }
    pos += hl + body; if (c.http_out) c.http_out--;
  }
  return pos;
}
// 0: it is not whole.
static size_t parse_upgrade(Conn& c, const char* p, size_t n) {
  const char* e = (const char*)memmem(p, n, "\r\n\r\n", 4); if (!e) return 0;
  if (n < 12 || memcmp(p + 9, "101", 3) != 0) { string l(p, std::min<size_t>(n, 60)); l = l.substr(0, l.find('\r')); conn_lost(c, l.c_str()); return SIZE_MAX; }
  if (!memmem(p, n, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28)) g_bad_accept++;
  if (memmem(p, size_t(e - p), "permessage-deflate", 18)) g_deflate++;
  run_steps(c); return size_t(e + 4 - p);
}
// parse server frames; returns bytes consumed, or SIZE_MAX when the connection went away
static size_t parse(Conn& c, const char* p, size_t n, u64 t) {
  size_t pos = 0; u32 gen = c.gen;
  if (c.tr == T_TCP) { on_data(c, p, n, t); return c.gen == gen ? n : SIZE_MAX; }
  if (c.tr == T_HTTP) return parse_answers(c, p, n);
  if (c.st == UPGRADING) { pos = parse_upgrade(c, p, n); if (pos == 0 || pos == SIZE_MAX) return pos; }
  while (pos + 2 <= n) {
    const u8* h = (const u8*)p + pos; u64 len = h[1] & 127; size_t hl = 2;
    if (len == 126) { if (pos + 4 > n) break; len = u64(h[2]) << 8 | h[3]; hl = 4; }
    else if (len == 127) { if (pos + 10 > n) break; len = 0; for (int i = 0; i < 8; i++) len = len << 8 | h[2 + i]; hl = 10; }
    if (pos + hl + len > n) break;
    const char* d = p + pos + hl; u8 op = h[0] & 15;
    pos += hl + len;
    if (op <= 2) { on_data(c, d, len, t); if (c.gen != gen) return SIZE_MAX; }
    else if (op == 9) { g_pings++; queue_frame(c, 10, string(d, len)); }
    else if (op == 8) { if (len >= 2) g_close_codes[u8(d[0]) << 8 | u8(d[1])]++; }
  }
  return pos;
}
static char g_buf[1 << 18];
static void read_once(Conn& c) {
  ssize_t n = get(c, g_buf, sizeof g_buf);
  if (n < 0) { if (errno == EAGAIN || errno == EINTR) return; conn_lost(c, strerror(errno)); return; }
  if (n == 0) { conn_lost(c, "end of stream"); return; }
  g_recvs++; g_bytes += u64(n); if (g_measuring) m_bytes += u64(n);
  u64 t = now_ns();
  if (c.in.empty()) {
    size_t used = parse(c, g_buf, size_t(n), t);
    if (used != SIZE_MAX && used < size_t(n)) c.in.assign(g_buf + used, size_t(n) - used);
  } else {
    c.in.append(g_buf, size_t(n)); string tmp; tmp.swap(c.in);
    size_t used = parse(c, tmp.data(), tmp.size(), t);
    if (used != SIZE_MAX && used < tmp.size()) { tmp.erase(0, used); c.in.swap(tmp); }
  }
}
void on_readable(Conn& c) {
  if (!c.ssl) { read_once(c); return; }
  // What OpenSSL has decrypted already makes no socket readable: take it all.
  u32 gen = c.gen; if (!c.out.empty()) { flush(c); if (c.gen != gen) return; }
  do { errno = 0; u64 before = g_recvs; read_once(c); if (c.gen != gen || g_recvs == before) return; } while (true);
}
