#include "modes.hpp"

#include "counts.hpp"
#include "publishing.hpp"
#include "report.hpp"
#include "sending.hpp"

static u64 g_want = 0;  // deliveries when everybody has everything
// Publishes m events; whoever is there gets them at once.
static void tell(u32 m) { g_running = true; for (u32 i = 0; i < m; i++) { publish(C[NSUB], 0, 0, now_ns()); g_want += NSUB; } flush_dirty(); }
static void catch_up() {
  u64 d = g_deliv, t = now_ns();
  while (g_deliv < g_want && now_ns() - t < u64(O.drain * 1e9)) { poll_once(1000000); if (g_deliv != d) { d = g_deliv; t = now_ns(); } }
}
static void drop_all() {
  g_tearing = true;
  for (u32 i = 0; i < NSUB; i++) { Conn& c = C[i]; if (c.fd >= 0) { if (!O.fin) reset_on_close(c); conn_drop(c, FREE); } c.st = FREE; c.tries = 0; c.gen++; }
  g_tearing = false;
}
// As an object of the report.
static string one_storm() {
  if (O.away) { tell(1); catch_up(); g_recovered = g_gaps = 0; }
  g_hs = Hist(); u64 t0 = now_ns(); SrvStat s0 = srv_stat(false); u64 o0 = self_cpu_ns();
  auto since = [t0] { return double(now_ns() - t0) / 1e9; };
  drop_all(); double drop = since(); u32 f0 = g_failed, re0 = g_retried;
  tell(O.away); OpenResult q = open_all(0, NSUB); double all = since(); catch_up(); double caught = since(); SrvStat s1 = srv_stat(false);
  char b[700];
  snprintf(b, sizeof b,
           "{\"caught_up_s\": %.3f, \"missed\": %lu, \"recovered\": %lu, \"gaps\": %lu, \"ready\": %u, \"failed\": %u, \"retried\": %u, "
           "\"drop_s\": %.3f, \"reconnect_s\": %.3f, \"total_s\": %.3f, \"handshakes_per_s\": %.0f, \"server_cpu_us_each\": %.2f, "
           "\"own_cpu_us_each\": %.2f, \"ready_p50_us\": %.0f, \"ready_p99_us\": %.0f, \"ready_max_us\": %.0f}",
           caught, g_want > g_deliv ? g_want - g_deliv : 0, g_recovered, g_gaps, q.ok, g_failed - f0, g_retried - re0,
           drop, q.secs, all, q.ok / q.secs, q.ok ? double(s1.cpu_ns - s0.cpu_ns) / 1e3 / q.ok : 0,
           q.ok ? double(self_cpu_ns() - o0) / 1e3 / q.ok : 0, double(g_hs.q(.5)) / 1e3, double(g_hs.q(.99)) / 1e3, double(g_hs.mx) / 1e3);
  return b;
}
void storm(const Start& start) {
  jmem("server_before", start.before); string arr = "[";
  for (u32 k = 0; k < O.storms; k++) { arr += k ? ",\n    " : "\n    "; arr += one_storm(); run_for(O.settle); }
  jmem("server_after", srv_stat(true)); jraw("storms", arr + "]"); jn("duplicated", double(g_dup)); jn("out_of_order", double(g_ooo));
}
