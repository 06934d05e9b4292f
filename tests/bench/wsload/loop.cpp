#include "loop.hpp"

#include "counts.hpp"
#include "receiving.hpp"
#include "sending.hpp"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

void poll_once(u64 max_wait_ns) {
  static epoll_event ev[2048]; flush_dirty();
  timespec ts{time_t(max_wait_ns / 1000000000ull), long(max_wait_ns % 1000000000ull)};
  int n = epoll_pwait2(ep, ev, 2048, &ts, nullptr);
  for (int i = 0; i < n; i++) {
    Conn& c = C[u32(ev[i].data.u64)]; u32 gen = u32(ev[i].data.u64 >> 32);
    if (c.gen != gen || c.fd < 0) continue;
    if (ev[i].events & EPOLLIN) { on_readable(c); if (c.gen != gen) continue; }
    else if (ev[i].events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) { int e = 0; socklen_t l = sizeof e; getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &e, &l); conn_lost(c, e ? strerror(e) : "hung up"); continue; }
    if (ev[i].events & EPOLLOUT) flush(c);
  }
  flush_dirty();
}
void run_for(double secs) { u64 end = now_ns() + u64(secs * 1e9); for (u64 t; (t = now_ns()) < end;) poll_once(std::min<u64>(end - t, 100000000)); }
OpenResult open_all(u32 from, u32 to) {
  u64 t0 = now_ns(), dead = t0 + u64(O.connect_timeout * 1e9); u32 next = from; u64 started = 0;
  vector<u32> again;
  for (;;) {
    u64 t = now_ns();
    bool paced = O.connect_rate > 0;
    while (g_inflight < O.inflight && next < to && (!paced || double(started) < double(t - t0) / 1e9 * O.connect_rate)) { start_connect(C[next]); if (C[next].st == FREE) again.push_back(next); next++; started++; }
    flush_dirty();
    if (next >= to && g_inflight == 0) {
      bool more = false; for (u32 i = from; i < to; i++) if (C[i].st == FREE) { more = true; if (g_inflight < O.inflight) start_connect(C[i]); }
      if (!more) break;
    }
    if (t > dead) { for (u32 i = from; i < to; i++) if (C[i].st != READY && C[i].st != FAILED && C[i].st != CLOSED) { note("connect: timed out in state " + std::to_string(C[i].st) + " step " + std::to_string(C[i].step)); g_failed++; conn_drop(C[i], FAILED); } break; }
    poll_once(paced && next < to ? 1000000 : 20000000);
  }
  u32 ok = 0; for (u32 i = from; i < to; i++) ok += C[i].st == READY;
  return {double(now_ns() - t0) / 1e9, ok};
}

