#include "modes.hpp"

#include "connection.hpp"
#include "counts.hpp"
#include "report.hpp"
#include "window.hpp"

#include <sys/epoll.h>

#include <algorithm>

// Those that are to be slow are listened to for these events only; returns how many they are.
static u32 listen_to_slow(u32 events) {
  u32 n = 0;
  for (u32 i = 0; i < NSUB; i++) if (C[i].slow && C[i].st == READY) { n++; ep_set(C[i], EPOLL_CTL_MOD, events); }
  return n;
}
static void report_messages() {
  jn("published", g_sent); jn("deliveries", double(g_deliv)); jn("expected", double(g_expected)); jn("lost", double(g_expected > g_deliv ? g_expected - g_deliv : 0));
  jn("duplicated", double(g_dup)); jn("out_of_order", double(g_ooo)); jn("misrouted", double(g_misroute)); jn("other_frames", double(g_unparsed)); jn("app_and_ws_pings", double(g_pings));
  jn("closed_by_server", g_closed); jn("stalls", double(g_stalls)); if (O.rate > 0) jn("late_sends", double(g_late));
  if (P.pub_transport == T_HTTP) jn("http_publish_errors", double(g_http_bad));
}
static void report_window(const Window& w, const Start& start, const SrvStat& subscribed, const SrvStat& end) {
  auto per_s = [&](u64 n) { return w.secs ? double(n) / w.secs : 0; };
  auto pct = [&](double ns) { return w.secs ? ns / 1e7 / w.secs : 0; };
  auto per_delivery = [&](double n) { return w.deliv ? n / double(w.deliv) : 0; };
  bool server = !g_server_pids.empty();
  jn("window_s", w.secs); jn("deliveries_per_s", per_s(w.deliv)); jn("published_per_s", per_s(w.sent));
  jn("wire_bytes_per_s", per_s(w.bytes)); jn("wire_bytes_per_delivery", per_delivery(double(w.bytes)));
  jlat("latency", g_lat);
  if (server) {
    jn("server_cpu_us_per_delivery", per_delivery(double(w.srv_cpu) / 1e3)); jn("server_cpu_pct", pct(double(w.srv_cpu)));
    jn("server_user_share", w.user + w.sys ? double(w.user) / double(w.user + w.sys) : 0);
    jmem("server_before", start.before); jmem("server_subscribed", subscribed); jmem("server_after", end);
    jn("server_rss_peak", double(g_rss_peak)); jn("rss_bytes_per_conn", start.r.ok ? (double(subscribed.rss) - double(start.before.rss)) / start.r.ok : 0);
  }
  jn("own_cpu_pct", pct(double(w.own_cpu))); jn("own_cpu_us_per_delivery", per_delivery(double(w.own_cpu) / 1e3)); jn("recv_calls", double(g_recvs));
  if (server) jn("foreign_cpu_pct", std::max(0.0, pct(double(w.busy) - double(w.srv_cpu) - double(w.own_cpu))));
}
static void read_again(u32 slow) {
  if (!O.at_stall_end.empty() && system(O.at_stall_end.c_str()) != 0) note("the command at the stall's end failed");
  jn("slow_subscribers", slow); jn("slow_closed_by_server_during", g_slow_closed);
  listen_to_slow(EPOLLIN);
  run_for(O.after); SrvStat end = srv_stat(true);
  jn("slow_closed_by_server_after_reading", g_slow_closed); jn("slow_deliveries_after_reading", double(g_slow_deliv)); jn("slow_expected_each", double(g_sent));
  jmem("server_after_slow_read", end);
  string s = "[";
  for (auto& x : g_samples) { char b[120]; snprintf(b, sizeof b, "%s[%.1f, %.1f, %.1f]", s.size() > 1 ? ", " : "", x.t, double(x.rss) / 1048576, double(x.ktcp) / 1048576); s += b; }
  jraw("samples_t_rssMiB_ktcpMiB", s + "]");
}
void load(const Start& start) {
  SrvStat subscribed = srv_stat(true); u32 slow = listen_to_slow(EPOLLRDHUP);
  Window w = run_publish(); SrvStat end = srv_stat(true); u64 ktcp = kernel_tcp_bytes();
  report_messages(); report_window(w, start, subscribed, end);
  jn("kernel_tcp_bytes_after", double(ktcp));
  if (O.mode == "slow") read_again(slow);
}
