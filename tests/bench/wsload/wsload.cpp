// wsload: a cheap, neutral WebSocket load generator for publish/subscribe servers.
// One thread, epoll, OpenSSL for --tls and nothing else. Every message carries a marker with a
// send time, sequence number, room and stream, found by scanning, so any envelope works.
//   wsload --help
#include "connection.hpp"
#include "counts.hpp"
#include "messages.hpp"
#include "modes.hpp"
#include "publishing.hpp"
#include "report.hpp"
#include "rooms.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

// A publisher that is a command reads what is published from its input.
static void start_command(Conn& c) {
  int pf[2]; if (pipe2(pf, O_NONBLOCK | O_CLOEXEC) < 0) die("pipe");
  pid_t pid = fork();
  if (pid == 0) { int fl = fcntl(pf[0], F_GETFL); fcntl(pf[0], F_SETFL, fl & ~O_NONBLOCK); dup2(pf[0], 0); execl("/bin/sh", "sh", "-c", P.pub_cmd.c_str(), nullptr); _exit(127); }
  close(pf[0]); c.fd = pf[1]; c.st = READY; ep_set(c, EPOLL_CTL_ADD, 0);
}
static void open_publishers() {
  if (P.pub_transport == T_CMD) { for (u32 i = 0; i < O.pubs; i++) start_command(C[NSUB + i]); return; }
  if (!O.pubs) return;
  O.retries = 0; auto pr = open_all(NSUB, NSUB + O.pubs);
  if (pr.ok < O.pubs) die("only %u of %u publishers ready: %s", pr.ok, O.pubs, g_first_error.c_str());
}
static Start open_everything() {
  Start s; s.before = srv_stat(true); s.ktcp = kernel_tcp_bytes(); s.slab = slab_bytes(); s.own_before = self_cpu_ns();
  s.r = open_all(0, NSUB); s.own_after = self_cpu_ns(); s.after = srv_stat(false);
  if (getenv("WSLOAD_TRACE")) fprintf(stderr, "opened %u in %.3f s\n", s.r.ok, s.r.secs);
  open_publishers();
  run_for(O.settle);
  return s;
}
static void report_start(const Start& s) {
  u32 ok = s.r.ok;
  js("label", O.label); js("mode", O.mode); js("profile", O.profile); jn("subscribers", O.n); jn("rooms", O.rooms);
  jn("publishers", O.pubs); jn("size", O.size); jn("rate", O.rate); jn("window", O.rate > 0 ? 0 : O.window);
  jn("opened", ok); if (g_deflate) jn("deflate_negotiated", double(g_deflate)); jn("failed", g_failed); jn("retried", g_retried);
  jn("connect_s", s.r.secs); jn("connect_per_s", s.r.secs > 0 ? ok / s.r.secs : 0);
  jlat("handshake_to_ready", g_hs);
  if (!g_server_pids.empty()) jn("connect_server_cpu_us", ok ? double(s.after.cpu_ns - s.before.cpu_ns) / 1e3 / ok : 0);
  jn("connect_own_cpu_us", ok ? double(s.own_after - s.own_before) / 1e3 / ok : 0);
}
static void report_end() {
  if (!g_close_codes.empty()) {
    string s = "{"; for (auto& [k, v] : g_close_codes) s += (s.size() > 1 ? ", \"" : "\"") + std::to_string(k) + "\": " + std::to_string(v);
    jraw("close_codes", s + "}");
  }
  if (g_bad_accept) jn("bad_accept_hash", g_bad_accept);
  js("first_error", g_first_error);
  print_report();
}
int main(int ac, char** av) {
  signal(SIGPIPE, SIG_IGN);
  read_options(ac, av);
  make_payload(); make_rooms(O.rooms); make_connections(); make_sequences();
  Start s = open_everything();
  report_start(s);
  if (O.mode == "idle") idle(s); else if (O.mode == "storm") storm(s); else load(s);
  report_end();
  g_tearing = true;
  for (auto& c : C) if (c.fd >= 0 && c.tr != T_CMD) { reset_on_close(c); close(c.fd); }
  return 0;
}
