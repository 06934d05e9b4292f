#include "window.hpp"

#include "accounting.hpp"
#include "counts.hpp"
#include "loop.hpp"
#include "publishing.hpp"
#include "rooms.hpp"

#include <algorithm>

static u64 g_writeoff = 0;  // expected, and not waited for any more
struct Turns { u32 room = 0, pub = 0; u64 done = 0; };
// Publishes what is due, or fits the window; returns how long there is nothing more to do.
static u64 publish_some(Turns& next, u64 t0, u64 t) {
  u32 R = O.rooms, NP = O.pubs; u64 wait = 50000000; int burst = 0;
  for (;;) {
    if (O.msgs && next.done >= O.msgs) break;
    Conn* p = nullptr; u32 k = R > 1 ? next.room % NP : next.pub % NP;
    p = &C[NSUB + k];
    if (p->st != READY) { if (p->st == CLOSED) die("publisher was closed by the server (%s)", g_first_error.c_str()); break; }
    if (O.rate > 0) {
      u64 due = t0 + u64(double(next.done) * 1e9 / O.rate);
      if (due > t) { wait = std::min(wait, due - t); break; }
      if (p->out.size() > (4u << 20) || (p->tr == T_HTTP && p->http_out >= O.http_pipeline)) { g_late++; wait = 1000000; break; }
      publish(*p, next.room, R > 1 ? 0 : k, due);
    } else {
      u64 outst = g_expected - std::min(g_expected, g_deliv + g_writeoff); u64 per = room_active[next.room];
      if (outst > u64(O.window - 1) * per || p->out.size() > (1u << 20) || (p->tr == T_HTTP && p->http_out >= O.http_pipeline)) break;
      publish(*p, next.room, R > 1 ? 0 : k, now_ns());
    }
    next.done++; if (R > 1) next.room = (next.room + 1) % R; else next.pub++;
    if (++burst >= 4096) { wait = 0; break; }
  }
  return wait;
}
// In mode echo everybody publishes by itself.
static void echo_all() { for (u32 i = 0; i < NSUB; i++) if (C[i].st == READY) publish(C[i], C[i].room, 0, now_ns()); }
static void sample(u64 t0, u64 t) {
  SrvStat s = srv_stat(false); g_rss_peak = std::max(g_rss_peak, s.rss); double at = double(t - t0) / 1e9;
  if (O.mode == "slow" && (g_samples.empty() || at - g_samples.back().t >= 0.99)) g_samples.push_back({at, s.rss, kernel_tcp_bytes()});
}
static void drain() {
  u64 d = g_deliv, tl = now_ns();
  while (g_deliv < g_expected && now_ns() - tl < u64(O.drain * 1e9)) { poll_once(20000000); if (g_deliv != d) { d = g_deliv; tl = now_ns(); } }
  run_for(0.1);
}
Window run_publish() {
  bool echo = O.mode[0] == 'e', open = O.rate > 0, warm = false; Turns next;
  g_running = true; u64 t0 = now_ns(), tw = t0 + u64(O.warmup * 1e9), tend = tw + u64(O.secs * 1e9), tsample = t0;
  u64 lastd = g_deliv, progress = t0; SrvStat s0{}; u64 c0 = 0, sent0 = 0, tm0 = 0, b0 = 0;
  if (echo) for (u32 i = 0; i < NSUB; i++) for (u32 k = 0; k < O.window; k++) if (C[i].st == READY) publish(C[i], C[i].room, 0, now_ns());
  for (;;) {
    u64 t = now_ns();
    if (!warm && t >= tw) {
      warm = true; s0 = srv_stat(false); c0 = self_cpu_ns(); b0 = machine_busy_ns(); sent0 = g_sent;
      t = tm0 = now_ns(); tend = t + u64(O.secs * 1e9); g_measuring = true;
    }
    if (t >= tend && warm) break;
    if (O.msgs && next.done >= O.msgs) break;
    if (t >= tsample) { sample(t0, t); tsample = t + 250000000; }
    poll_once(echo ? 50000000 : publish_some(next, t0, t));
    if (g_deliv != lastd) { lastd = g_deliv; progress = t; }
    else if (!open && t - progress > 1000000000ull) {
      g_stalls++; g_writeoff = g_expected > g_deliv ? g_expected - g_deliv : 0; progress = t;
      if (echo) echo_all();
    }
  }
  u64 te = now_ns(); Window w;
  if (warm) {
    SrvStat s1 = srv_stat(false); w.secs = double(te - tm0) / 1e9; w.deliv = m_deliv; w.bytes = m_bytes; w.sent = g_sent - sent0;
    w.srv_cpu = s1.cpu_ns - s0.cpu_ns; w.own_cpu = self_cpu_ns() - c0; w.busy = machine_busy_ns() - b0;
    w.user = s1.user_ticks - s0.user_ticks; w.sys = s1.sys_ticks - s0.sys_ticks; g_rss_peak = std::max(g_rss_peak, s1.rss);
  }
  g_running = !echo; if (!open) g_measuring = false;
  drain();
  g_running = g_measuring = false;
  return w;
}
