#include "connection.hpp"

#include "counts.hpp"
#include "joining.hpp"
#include "rooms.hpp"
#include "socket.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

void ep_set(Conn& c, int op, u32 ev) { epoll_event e{}; e.events = ev; e.data.u64 = (u64(c.gen) << 32) | c.idx; if (epoll_ctl(ep, op, c.fd, &e) < 0) die("epoll_ctl: %s", strerror(errno)); }
u32 room_at(const Conn& c, u32 j) { return c.room + j * g_stride; }
void set_active(Conn& c, int by) { if (!c.slow) for (u32 j = 0; j < O.joins; j++) if (u32 r = room_at(c, j); r < room_active.size()) room_active[r] += u32(by); }
void reset_on_close(Conn& c) { linger l{1, 0}; setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &l, sizeof l); }
void conn_drop(Conn& c, State ns) {
  if (c.ssl) tls_end(c);
  if (c.fd >= 0) close(c.fd);
  c.fd = -1; c.gen++;
  if (c.inflight) { c.inflight = false; g_inflight--; }
  if (c.st == READY && c.kind == SUB) { set_active(c, -1); }
  c.st = ns; c.step = 0; c.waitn = 0; c.http_out = 0; c.in.clear(); c.out.clear(); c.wantout = false;
}
void conn_lost(Conn& c, const char* why) {
  if (g_tearing) { conn_drop(c, CLOSED); return; }
  if (c.st == READY) { if (c.slow) g_slow_closed++; else { g_closed++; note(string("closed while ready: ") + why); } conn_drop(c, CLOSED); return; }
  if (c.kind == PUB) die("publisher connection failed: %s", why);
  note(string("connect: ") + why);
  if (c.tries < O.retries) { g_retried++; conn_drop(c, FREE); }
  else { g_failed++; conn_drop(c, FAILED); }
}
// False: it is lost.
static bool open_socket(Conn& c) {
  c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c.fd < 0) { conn_lost(c, strerror(errno)); return false; }
  int one = 1; setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (O.rcvbuf) setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &O.rcvbuf, sizeof O.rcvbuf);
  if (c.slow && O.slow_rcvbuf) setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &O.slow_rcvbuf, sizeof O.slow_rcvbuf);
  sockaddr_in a{}; a.sin_family = AF_INET;
  if (O.srcs) {
    setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    a.sin_addr.s_addr = htonl(0x7f000000u + O.src_base + c.idx % O.srcs);
    if (bind(c.fd, (sockaddr*)&a, sizeof a) < 0) { conn_lost(c, strerror(errno)); return false; }
  }
  a.sin_port = htons(u16(c.kind == PUB && P.pub_port ? P.pub_port : O.port)); inet_pton(AF_INET, O.host.c_str(), &a.sin_addr);
  if (connect(c.fd, (sockaddr*)&a, sizeof a) < 0 && errno != EINPROGRESS) { conn_lost(c, strerror(errno)); return false; }
  return true;
}
static void ask_for_upgrade(Conn& c) {
  Vars v; v.i = c.idx; v.room = c.room;
  c.out = "GET "; (c.kind == SUB || P.pub_path.empty() ? g_path : g_pub_path).to(c.out, v);
  c.out += " HTTP/1.1\r\nHost: " + O.host + ":" + std::to_string(O.port) + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  if (!P.protocol.empty()) c.out += "Sec-WebSocket-Protocol: " + P.protocol + "\r\n";
  c.out += g_headers; c.out += "\r\n";
  c.st = UPGRADING; if (O.tls) tls_begin(c);
}
void start_connect(Conn& c) {
  c.tries++; c.st = CONNECTING; c.t_start = now_ns(); c.inflight = true; g_inflight++; c.in.clear(); c.out.clear();
  if (!open_socket(c)) return;
  if (c.tr == T_WS) ask_for_upgrade(c);
  else { c.st = STEPPING; run_steps(c); }
  // on loopback the connection is usually up already: try at once, else wait for EPOLLOUT
  size_t off = 0;
  if (!c.out.empty()) {
    ssize_t n = put(c, c.out.data(), c.out.size());
    if (n > 0) off = size_t(n); else if (errno != EAGAIN && errno != ENOTCONN && errno != EINPROGRESS) { conn_lost(c, strerror(errno)); return; }
  }
  c.out.erase(0, off); c.wantout = !c.out.empty() && !(c.ssl && c.tls_reads);
  ep_set(c, EPOLL_CTL_ADD, EPOLLIN | (c.wantout ? EPOLLOUT : 0u));
}

static void allow_files(rlim_t want) {
  rlimit rl; getrlimit(RLIMIT_NOFILE, &rl);
  if (rl.rlim_cur >= want) return;
  rlimit nl = rl; nl.rlim_cur = nl.rlim_max = std::max<rlim_t>(want, rl.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &nl) == 0) return;
  nl = rl; nl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &nl);
  if (rl.rlim_max < want) die("this process may open %lu files only; split --n over several wsload processes", (unsigned long)rl.rlim_max);
}
void make_connections() {
  allow_files(O.n + O.pubs + 100);
  ep = epoll_create1(EPOLL_CLOEXEC); C.resize(NSUB + O.pubs);
  u32 nslow = O.mode == "slow" ? std::max(1u, u32(O.slow_frac * O.n)) : 0;
  for (u32 i = 0; i < C.size(); i++) {
    Conn& c = C[i]; c.idx = i; c.kind = i < NSUB ? SUB : PUB; c.tr = c.kind == PUB ? P.pub_transport : T_WS;
    c.room = c.kind == PUB ? (i - NSUB) % O.rooms : O.mode == "rooms" ? i % g_stride : O.mode == "echo" ? i : 0;
    c.slow = nslow && i < NSUB && i % (NSUB / nslow) == 0 && i / (NSUB / nslow) < nslow;
  }
}
