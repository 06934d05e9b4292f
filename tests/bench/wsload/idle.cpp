#include "modes.hpp"

#include "counts.hpp"
#include "options.hpp"
#include "report.hpp"

void idle(const Start& start) {
  run_for(O.hold); SrvStat end = srv_stat(true); u64 ktcp = kernel_tcp_bytes(), slab = slab_bytes(); u32 ok = start.r.ok;
  if (!g_server_pids.empty()) {
    jmem("server_before", start.before); jmem("server_after", end);
    jn("rss_bytes_per_conn", ok ? (double(end.rss) - double(start.before.rss)) / ok : 0);
    jn("pss_bytes_per_conn", ok ? (double(end.pss) - double(start.before.pss)) / ok : 0);
    jn("idle_server_cpu_pct", double(end.cpu_ns - start.after.cpu_ns) / 1e7 / (O.hold + O.settle));
  }
  jn("kernel_tcp_bytes_per_conn", ok ? (double(ktcp) - double(start.ktcp)) / ok : 0);
  jn("slab_bytes_per_conn", ok ? (double(slab) - double(start.slab)) / ok : 0);
  jn("closed_by_server", g_closed);
}
