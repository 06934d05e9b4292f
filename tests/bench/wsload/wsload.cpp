// wsload: a cheap, neutral WebSocket load generator for publish/subscribe servers.
// One thread, epoll, OpenSSL for --tls and nothing else. Every message carries a marker with a
// send time, sequence number, room and stream, found by scanning, so any envelope works.
//   wsload --help
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

using u8 = uint8_t; using u16 = uint16_t; using u32 = uint32_t; using u64 = uint64_t; using i64 = int64_t;
using std::string; using std::vector;

static u64 now_ns() { timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return u64(t.tv_sec) * 1000000000ull + t.tv_nsec; }
[[noreturn]] static void die(const char* f, ...) { va_list a; va_start(a, f); fprintf(stderr, "wsload: "); vfprintf(stderr, f, a); fprintf(stderr, "\n"); exit(2); }

// ---------------------------------------------------------------- templates
// {i} connection index, {room} room name, {payload}, {len} payload bytes, {seq}, {id} publisher number,
// {epoch} {offset} the last position had (--away)
static string unescape(const string& s) {
  string o;
  for (size_t i = 0; i < s.size(); i++) {
    if (s[i] != '\\' || i + 1 >= s.size()) { o += s[i]; continue; }
    char c = s[++i];
    if (c == 'n') o += '\n'; else if (c == 'r') o += '\r'; else if (c == 't') o += '\t'; else if (c == '\\') o += '\\'; else if (c == '0') o += '\0';
    else if (c == 'x' && i + 2 < s.size()) { o += char(strtol(s.substr(i + 1, 2).c_str(), nullptr, 16)); i += 2; }
    else { o += '\\'; o += c; }
  }
  return o;
}
struct Vars { u32 i = 0; u32 room = 0; const char* payload = ""; size_t len = 0; u32 seq = 0; u32 id = 0; const char* epoch = ""; u64 offset = 0; };
static string g_room_fmt = "r{r}";  // how a room number becomes a name
static bool g_room_prefix_set = false;
static string room_name(u32 r) {
  string s = g_room_fmt; size_t p = s.find("{r}");
  if (p != string::npos) s.replace(p, 3, std::to_string(r));
  return s;
}
static vector<string> g_room_names;
struct Template {
  struct Seg { int kind; string lit; };
  vector<Seg> segs;
  Template() {}
  explicit Template(const string& s) {
    static const char* names[] = {"", "{i}", "{room}", "{payload}", "{len}", "{seq}", "{id}", "{epoch}", "{offset}"};
    string lit;
    for (size_t p = 0; p < s.size();) {
      int k = 0;
      if (s[p] == '{') for (int j = 1; j <= 8; j++) if (s.compare(p, strlen(names[j]), names[j]) == 0) { k = j; break; }
      if (!k) { lit += s[p++]; continue; }
      if (!lit.empty()) segs.push_back({0, lit});
      lit.clear(); segs.push_back({k, ""}); p += strlen(names[k]);
    }
    if (!lit.empty()) segs.push_back({0, lit});
  }
  void to(string& o, const Vars& v) const {
    char b[24];
    for (auto& s : segs) switch (s.kind) {
      case 0: o += s.lit; break;
      case 1: o.append(b, snprintf(b, sizeof b, "%u", v.i)); break;
      case 2: if (v.room < g_room_names.size()) o += g_room_names[v.room]; else o += room_name(v.room); break;
      case 3: o.append(v.payload, v.len); break;
      case 4: o.append(b, snprintf(b, sizeof b, "%zu", v.len)); break;
      case 5: o.append(b, snprintf(b, sizeof b, "%u", v.seq)); break;
      case 6: o.append(b, snprintf(b, sizeof b, "%u", v.id)); break;
      case 7: o += v.epoch; break;
      case 8: o.append(b, snprintf(b, sizeof b, "%lu", v.offset)); break;
    }
  }
  string str(const Vars& v) const { string o; to(o, v); return o; }
  bool has_room() const { for (auto& s : segs) if (s.kind == 2) return true; return false; }
};

// ---------------------------------------------------------------- profiles
enum Transport : u8 { T_WS, T_HTTP, T_TCP, T_CMD };
struct Step { bool send; Template t; string match; u32 count = 0; };  // send a frame | wait for a substring | wait for count frames
struct Reply { char how; string match, answer; };                     // '=' whole frame, '^' prefix, '*' substring
struct Profile {
  string path = "/", pub_path, protocol, pub_frame = "{payload}", pub_cmd;
  vector<string> headers, steps, pub_steps, echo_steps, since_steps;  // since_steps: joining again after a known position
  vector<Reply> replies;
  bool binary = false, pub_steps_set = false;
  Transport pub_transport = T_WS;
  int pub_port = 0;         // another port for publishers, e.g. the native protocol
  bool raw_stream = false;  // messages may straddle frames (nats)
};
static Profile make_profile(const string& n) {
  Profile p;
  if (n == "raw" || n == "custom") return p;
  if (n == "uws") {  // our own tiny topic protocol: S<room>, P<room> <payload>
    p.steps = {">S{room}", "<OK"}; p.pub_steps_set = true; p.pub_frame = "P{room} {payload}";
  } else if (n == "hubbub") {
    g_room_fmt = "chat.r{r}"; p.path = "/v1/ws"; p.protocol = "hubbub.v1.json";
    p.steps = {"<\"welcome\"", ">{\"op\":\"join\",\"id\":1,\"room\":\"{room}\"}", "<\"ok\""};
    p.since_steps = {"<\"welcome\"", ">{\"op\":\"join\",\"id\":1,\"room\":\"{room}\",\"since\":{\"epoch\":\"{epoch}\",\"offset\":{offset}}}", "<\"ok\""};
    p.pub_steps = {"<\"welcome\""}; p.pub_steps_set = true;
    p.pub_frame = "{\"op\":\"publish\",\"id\":{seq},\"room\":\"{room}\",\"type\":\"m\",\"data\":\"{payload}\"}";
    p.replies = {{'^', "{\"op\":\"ping\"", "{\"op\":\"pong\"}"}};
  } else if (n == "pusher") {
    p.path = "/app/app-key?protocol=7&client=js&version=8.4.0&flash=false";
    p.steps = {"<connection_established", ">{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"{room}\"}}", "<subscription_succeeded"};
    p.pub_frame = "{\"event\":\"client-m\",\"channel\":\"{room}\",\"data\":\"{payload}\"}";
    p.replies = {{'*', "pusher:ping", "{\"event\":\"pusher:pong\",\"data\":{}}"}};
  } else if (n == "nats") {
    p.binary = true; p.raw_stream = true;
    string c = "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"wsload\",\"version\":\"1\",\"protocol\":1}\\r\\n";
    p.steps = {"<INFO", ">" + c + "SUB {room} 1\\r\\nPING\\r\\n", "<PONG"};
    p.pub_steps = {"<INFO", ">" + c + "PING\\r\\n", "<PONG"}; p.pub_steps_set = true;
    p.pub_frame = "PUB {room} {len}\\r\\n{payload}\\r\\n";
    p.replies = {{'^', "PING", "PONG\\r\\n"}};
  } else if (n == "socketio") {
    p.path = "/socket.io/?EIO=4&transport=websocket";
    p.steps = {"<0{", ">40", "<40", ">42[\"sub\",\"{room}\"]", "<42[\"ok\""};
    p.pub_steps = {"<0{", ">40", "<40"}; p.pub_steps_set = true;
    p.pub_frame = "42[\"pub\",\"{room}\",\"{payload}\"]";
    p.replies = {{'=', "2", "3"}};
  } else if (n == "nchan") {
    p.path = "/sub/{room}"; p.pub_path = "/pub/{room}"; p.pub_transport = T_HTTP; p.pub_steps_set = true;
  } else if (n == "centrifugo") {
    p.path = "/connection/websocket";
    p.steps = {">{\"id\":1,\"connect\":{}}", "<\"connect\"", ">{\"id\":2,\"subscribe\":{\"channel\":\"{room}\"}}", "<\"subscribe\""};
    p.pub_steps = {">{\"id\":1,\"connect\":{}}", "<\"connect\""}; p.pub_steps_set = true;
    p.pub_frame = "{\"id\":3,\"publish\":{\"channel\":\"{room}\",\"data\":\"{payload}\"}}";
    p.replies = {{'=', "{}", "{}"}};
  } else die("unknown profile %s", n.c_str());
  return p;
}
static vector<Step> compile(const vector<string>& in) {
  vector<Step> v;
  for (auto& s : in) {
    Step st{};
    if (s.empty() || (s[0] != '>' && s[0] != '<')) die("a step starts with > (send) or < (wait): %s", s.c_str());
    string b = unescape(s.substr(1));
    st.send = s[0] == '>';
    if (st.send) st.t = Template(b);
    else if (!b.empty() && b[0] == '#') st.count = atoi(b.c_str() + 1);
    else st.match = b;
    v.push_back(std::move(st));
  }
  return v;
}

// ---------------------------------------------------------------- histogram (log-linear, 1.6 % wide)
struct Hist {
  vector<u64> b = vector<u64>(64 * 60); u64 n = 0, mx = 0; double sum = 0;
  static u32 ix(u64 v) { if (v < 128) return u32(v); int e = 63 - __builtin_clzll(v); return u32((e - 6) * 64 + ((v >> (e - 6)) & 63)) + 64; }
  static u64 val(u32 i) { if (i < 128) return i; i -= 64; int e = i / 64 + 6; return (u64(64 + (i & 63)) << (e - 6)); }
  void add(u64 v) { u32 i = ix(v); if (i >= b.size()) i = u32(b.size()) - 1; b[i]++; n++; sum += double(v); if (v > mx) mx = v; }
  u64 q(double p) const { if (!n) return 0; u64 want = u64(p * double(n)); if (want >= n) want = n - 1; u64 c = 0; for (u32 i = 0; i < b.size(); i++) { c += b[i]; if (c > want) return val(i); } return mx; }
};

// ---------------------------------------------------------------- server accounting
struct SrvStat { u64 rss = 0, pss = 0, cpu_ns = 0, user_ticks = 0, sys_ticks = 0; };
static vector<int> g_server_pids;
static vector<int> with_children(const vector<int>& roots) {
  std::multimap<int, int> kids;
  if (DIR* d = opendir("/proc")) {
    while (dirent* e = readdir(d)) {
      int pid = atoi(e->d_name); if (pid <= 0) continue;
      char f[64], b[512]; snprintf(f, sizeof f, "/proc/%d/stat", pid);
      int fd = open(f, O_RDONLY); if (fd < 0) continue;
      ssize_t n = read(fd, b, sizeof b - 1); close(fd); if (n <= 0) continue;
      b[n] = 0; char* p = strrchr(b, ')'); char st; int pp; if (p && sscanf(p + 2, "%c %d", &st, &pp) == 2) kids.emplace(pp, pid);
    }
    closedir(d);
  }
  vector<int> out = roots;
  for (size_t i = 0; i < out.size(); i++) for (auto [a, z] = kids.equal_range(out[i]); a != z; ++a) out.push_back(a->second);
  std::sort(out.begin(), out.end()); out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}
static SrvStat srv_stat(bool pss) {
  SrvStat s; if (g_server_pids.empty()) return s;
  static vector<int> all; static u64 last = 0;
  u64 t = now_ns(); if (pss || t - last > 2000000000ull) { all = with_children(g_server_pids); last = t; }
  for (int pid : all) {
    char f[96], b[1024];
    auto slurp = [&](const char* fn) -> ssize_t { int fd = open(fn, O_RDONLY); if (fd < 0) return -1; ssize_t n = read(fd, b, sizeof b - 1); close(fd); if (n >= 0) b[n] = 0; return n; };
    snprintf(f, sizeof f, "/proc/%d/statm", pid);
    if (slurp(f) > 0) { unsigned long a, r; if (sscanf(b, "%lu %lu", &a, &r) == 2) s.rss += r * 4096; }
    snprintf(f, sizeof f, "/proc/%d/stat", pid);
    if (slurp(f) > 0) if (char* p = strrchr(b, ')')) { unsigned long u, y; if (sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &y) == 2) { s.user_ticks += u; s.sys_ticks += y; } }
    snprintf(f, sizeof f, "/proc/%d/task", pid);
    if (DIR* d = opendir(f)) {
      while (dirent* e = readdir(d)) { if (e->d_name[0] == '.') continue; snprintf(f, sizeof f, "/proc/%d/task/%.20s/schedstat", pid, e->d_name); if (slurp(f) > 0) s.cpu_ns += strtoull(b, nullptr, 10); }
      closedir(d);
    }
    if (pss) { snprintf(f, sizeof f, "/proc/%d/smaps_rollup", pid); if (slurp(f) > 0) if (char* p = strstr(b, "Pss:")) s.pss += strtoull(p + 4, nullptr, 10) * 1024; }
  }
  return s;
}
static u64 kernel_tcp_bytes() {
  char b[1024]; int fd = open("/proc/net/sockstat", O_RDONLY); if (fd < 0) return 0;
  ssize_t n = read(fd, b, sizeof b - 1); close(fd); if (n <= 0) return 0; b[n] = 0;
  char* p = strstr(b, "TCP:"); if (!p) return 0; p = strstr(p, " mem "); return p ? strtoull(p + 5, nullptr, 10) * 4096 : 0;
}
static u64 slab_bytes() {
  FILE* f = fopen("/proc/meminfo", "r"); if (!f) return 0; char l[200]; u64 v = 0;
  while (fgets(l, sizeof l, f)) if (sscanf(l, "Slab: %lu", &v) == 1) break;
  fclose(f); return v * 1024;
}
static u64 machine_busy_ns() {  // all cores, everything but idle and iowait
  FILE* f = fopen("/proc/stat", "r"); if (!f) return 0; unsigned long v[8] = {}; int k = fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7); fclose(f);
  return k < 8 ? 0 : (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * (1000000000ull / u64(sysconf(_SC_CLK_TCK)));
}
static u64 self_cpu_ns() { timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return u64(t.tv_sec) * 1000000000ull + t.tv_nsec; }

// ---------------------------------------------------------------- options
struct Opt {
  string mode = "fanout", profile = "uws", host = "127.0.0.1", label;
  int port = 9000; u32 n = 100, rooms = 1, pubs = 1, window = 1, size = 128, inflight = 256, srcs = 8, src_base = 2, retries = 3, storms = 3;
  double rate = 0, secs = 5, warmup = 1, settle = 0.5, drain = 5, connect_timeout = 60, slow_frac = 0.01, hold = 5, connect_rate = 0, after = 2;
  u64 msgs = 0; int rcvbuf = 0, slow_rcvbuf = 4096; bool fin = false, verbose = false, tls = false; u32 http_pipeline = 1, joins = 1, away = 0; string at_stall_end;
} O;
static Profile P;
static vector<Step> g_sub_steps, g_pub_steps, g_since_steps;
static Template g_path, g_pub_path, g_pub_frame;
static string g_headers, g_pub_headers;

// ---------------------------------------------------------------- connections
static const char MARK[] = "~W1~";
static const u32 HEAD = 4 + 16 + 8 + 8 + 4;  // marker, time, seq, room, stream
enum State : u8 { FREE, CONNECTING, UPGRADING, STEPPING, READY, CLOSED, FAILED };
enum Kind : u8 { SUB, PUB };
struct Conn {
  int fd = -1; u32 idx = 0, gen = 0, room = 0, hint = 0, waitn = 0, need = 1, tries = 0, http_out = 0;
  u16 step = 0; State st = FREE; Kind kind = SUB; Transport tr = T_WS; bool dirty = false, wantout = false, slow = false, inflight = false, tls_reads = false;
  string in, out; u64 t_start = 0;
  SSL* ssl = nullptr; string epoch; u64 offset = 0;  // tls_reads: nothing can be written before something was read
};
struct Seq { u32 next = 0; u64 seen = 0; };
static vector<Conn> C; static u32 NSUB = 0;
static vector<Seq> S; static u32 g_streams = 1;
static vector<u32> room_active, room_seq;  // room_seq indexed room*streams+stream
static int ep; static u32 g_inflight = 0, g_ready = 0, g_failed = 0, g_closed = 0, g_retried = 0, g_slow_closed = 0, g_bad_accept = 0;
static u64 g_deliv = 0, g_dup = 0, g_ooo = 0, g_misroute = 0, g_expected = 0, g_writeoff = 0, g_frames = 0, g_bytes = 0, g_sent = 0, g_pings = 0, g_unparsed = 0, g_http_bad = 0, g_close_frames = 0, g_slow_deliv = 0, g_recvs = 0;
static u64 g_deflate = 0, g_recovered = 0, g_gaps = 0;
static bool g_running = false, g_measuring = false, g_tearing = false;
static u64 m_deliv = 0, m_bytes = 0; static Hist g_lat;
static vector<u32> g_dirty; static Hist g_hs;
static u64 g_mask = 0x9E3779B97F4A7C15ull;
static std::map<int, u64> g_close_codes; static string g_first_error;
static u64 g_last_progress = 0;

static void ep_set(Conn& c, int op, u32 ev) { epoll_event e{}; e.events = ev; e.data.u64 = (u64(c.gen) << 32) | c.idx; if (epoll_ctl(ep, op, c.fd, &e) < 0) die("epoll_ctl: %s", strerror(errno)); }
static void note(const string& s) { if (g_first_error.empty()) g_first_error = s.substr(0, 200); }
// With --joins the rooms of a connection lie far apart, so that events in neighbouring rooms go to different connections.
static u32 g_stride = 1;
static u32 room_at(const Conn& c, u32 j) { return c.room + j * g_stride; }
static void set_active(Conn& c, int by) { if (!c.slow) for (u32 j = 0; j < O.joins; j++) if (u32 r = room_at(c, j); r < room_active.size()) room_active[r] += u32(by); }
static SSL_CTX* g_tls = nullptr;
static void tls_begin(Conn& c) {
  if (!g_tls) { g_tls = SSL_CTX_new(TLS_client_method()); SSL_CTX_set_mode(g_tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS); SSL_CTX_set_session_cache_mode(g_tls, SSL_SESS_CACHE_OFF); }
  c.ssl = SSL_new(g_tls); SSL_set_fd(c.ssl, c.fd); SSL_set_connect_state(c.ssl); c.tls_reads = false;
}
static ssize_t tls_result(Conn& c, int k) {
  if (k > 0) return k;
  int e = SSL_get_error(c.ssl, k); c.tls_reads = e == SSL_ERROR_WANT_READ;
  if (e == SSL_ERROR_ZERO_RETURN) return 0;
  if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) errno = EAGAIN; else if (e != SSL_ERROR_SYSCALL || !errno) errno = EPROTO;
  return -1;
}
static ssize_t put(Conn& c, const char* p, size_t n) {
  if (c.tr == T_CMD) return write(c.fd, p, n);
  if (!c.ssl) return send(c.fd, p, n, MSG_NOSIGNAL);
  ERR_clear_error(); errno = 0; return tls_result(c, SSL_write(c.ssl, p, int(n)));
}
static ssize_t get(Conn& c, char* p, size_t n) {
  if (!c.ssl) return recv(c.fd, p, n, 0);
  ERR_clear_error(); errno = 0; return tls_result(c, SSL_read(c.ssl, p, int(n)));
}
static void conn_drop(Conn& c, State ns) {
  if (c.ssl) { SSL_free(c.ssl); c.ssl = nullptr; }
  if (c.fd >= 0) close(c.fd);
  c.fd = -1; c.gen++;
  if (c.inflight) { c.inflight = false; g_inflight--; }
  if (c.st == READY && c.kind == SUB) { g_ready--; set_active(c, -1); }
  c.st = ns; c.step = 0; c.waitn = 0; c.http_out = 0; c.in.clear(); c.out.clear(); c.wantout = false;
}
static void conn_lost(Conn& c, const char* why) {
  if (g_tearing) { conn_drop(c, CLOSED); return; }
  if (c.st == READY) { if (c.slow) g_slow_closed++; else { g_closed++; note(string("closed while ready: ") + why); } conn_drop(c, CLOSED); return; }
  if (c.kind == PUB) die("publisher connection failed: %s", why);
  note(string("connect: ") + why);
  if (c.tries < O.retries) { g_retried++; conn_drop(c, FREE); }
  else { g_failed++; conn_drop(c, FAILED); }
}
static void flush(Conn& c) {
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
static void queue_frame(Conn& c, u8 op, const string& s) {
  if (c.tr == T_WS) frame_to(c.out, op, s.data(), s.size()); else c.out += s;
  if (!c.dirty) { c.dirty = true; g_dirty.push_back(c.idx); }
}
static void flush_dirty() { for (size_t i = 0; i < g_dirty.size(); i++) { Conn& c = C[g_dirty[i]]; c.dirty = false; if (c.fd >= 0 && !c.out.empty() && !c.wantout) flush(c); } g_dirty.clear(); }

static const vector<Step>& steps_of(Conn& c) { return c.kind != SUB ? g_pub_steps : O.away && !c.epoch.empty() ? g_since_steps : g_sub_steps; }
static void run_steps(Conn& c) {
  auto& st = steps_of(c);
  while (c.step < st.size() && st[c.step].send) {
    Vars v; v.i = c.idx; v.room = c.room; v.id = c.kind == PUB ? c.idx - NSUB : 0; v.epoch = c.epoch.c_str(); v.offset = c.offset;
    c.need = c.kind == SUB && st[c.step].t.has_room() ? O.joins : 1;
    for (u32 j = 0; j < c.need; j++) { if (c.need > 1) v.room = room_at(c, j); queue_frame(c, P.binary ? 2 : 1, st[c.step].t.str(v)); }
    c.step++; c.waitn = 0;
  }
  if (c.step >= st.size()) {
    c.st = READY; if (c.inflight) { c.inflight = false; g_inflight--; }
    if (c.kind == SUB) { g_ready++; set_active(c, 1); g_hs.add(now_ns() - c.t_start); }
  } else c.st = STEPPING;
}
// Where a reader is, for joining again from there: `epoch` and the last `offset` of a frame.
static void note_position(Conn& c, const char* p, size_t n) {
  if (const char* e = (const char*)memmem(p, n, "\"epoch\":\"", 9)) { e += 9; const char* z = (const char*)memchr(e, '"', size_t(p + n - e)); if (z) c.epoch.assign(e, z); }
  if (const char* o = (const char*)memmem(p, n, "\"offset\":", 9)) c.offset = strtoull(string(o + 9, std::min<size_t>(20, size_t(p + n - o - 9))).c_str(), nullptr, 10);
  if (memmem(p, n, "\"recovered\":true", 16)) g_recovered++;
  if (memmem(p, n, "\"op\":\"gap\"", 10)) g_gaps++;
}
static void step_frame(Conn& c, const char* p, size_t n) {
  auto& st = steps_of(c); if (c.step >= st.size()) return;
  const Step& s = st[c.step]; bool ok;
  if (s.count) ok = ++c.waitn >= s.count; else ok = memmem(p, n, s.match.data(), s.match.size()) != nullptr && ++c.waitn >= c.need;
  if (ok) { c.step++; c.waitn = 0; c.need = 1; run_steps(c); }
}
static void start_connect(Conn& c) {
  c.tries++; c.st = CONNECTING; c.t_start = now_ns(); c.inflight = true; g_inflight++; c.in.clear(); c.out.clear();
  c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c.fd < 0) { conn_lost(c, strerror(errno)); return; }
  int one = 1; setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (O.rcvbuf) setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &O.rcvbuf, sizeof O.rcvbuf);
  if (c.slow && O.slow_rcvbuf) setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &O.slow_rcvbuf, sizeof O.slow_rcvbuf);
  sockaddr_in a{}; a.sin_family = AF_INET;
  if (O.srcs) {
    setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    a.sin_addr.s_addr = htonl(0x7f000000u + O.src_base + c.idx % O.srcs);
    if (bind(c.fd, (sockaddr*)&a, sizeof a) < 0) { conn_lost(c, strerror(errno)); return; }
  }
  a.sin_port = htons(u16(c.kind == PUB && P.pub_port ? P.pub_port : O.port)); inet_pton(AF_INET, O.host.c_str(), &a.sin_addr);
  if (connect(c.fd, (sockaddr*)&a, sizeof a) < 0 && errno != EINPROGRESS) { conn_lost(c, strerror(errno)); return; }
  if (c.tr == T_WS) {
    Vars v; v.i = c.idx; v.room = c.room;
    c.out = "GET "; (c.kind == SUB || P.pub_path.empty() ? g_path : g_pub_path).to(c.out, v);
    c.out += " HTTP/1.1\r\nHost: " + O.host + ":" + std::to_string(O.port) + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    if (!P.protocol.empty()) c.out += "Sec-WebSocket-Protocol: " + P.protocol + "\r\n";
    c.out += g_headers; c.out += "\r\n";
    c.st = UPGRADING; if (O.tls) tls_begin(c);
  } else { c.st = STEPPING; run_steps(c); }
  // on loopback the connection is usually up already: try at once, else wait for EPOLLOUT
  size_t off = 0;
  if (!c.out.empty()) {
    ssize_t n = put(c, c.out.data(), c.out.size());
    if (n > 0) off = size_t(n); else if (errno != EAGAIN && errno != ENOTCONN && errno != EINPROGRESS) { conn_lost(c, strerror(errno)); return; }
  }
  c.out.erase(0, off); c.wantout = !c.out.empty() && !(c.ssl && c.tls_reads);
  ep_set(c, EPOLL_CTL_ADD, EPOLLIN | (c.wantout ? EPOLLOUT : 0u));
}

// ---------------------------------------------------------------- messages
static u8 HEXV[256];
static inline u64 hexn(const char* p, int n) { u64 v = 0; for (int i = 0; i < n; i++) v = v << 4 | HEXV[u8(p[i])]; return v; }
static inline void hexw(char* p, u64 v, int n) { for (int i = n - 1; i >= 0; i--, v >>= 4) p[i] = "0123456789abcdef"[v & 15]; }
static void echo_next(Conn& c);
static inline void on_message(Conn& c, const char* m, u64 t) {
  u64 ts = hexn(m + 4, 16); u32 seq = u32(hexn(m + 20, 8)), room = u32(hexn(m + 28, 8)), str = u32(hexn(m + 36, 4));
  u32 j = O.joins == 1 || room == c.room ? 0 : room / g_stride;
  if (room != room_at(c, j) || j >= O.joins || str >= g_streams) { g_misroute++; return; }
  Seq& s = S[(size_t(c.idx) * O.joins + j) * g_streams + str];
  if (seq == s.next) { s.next++; s.seen = s.seen << 1 | 1; }
  else if (seq > s.next) { u32 d = seq - s.next + 1; s.seen = d >= 64 ? 1 : (s.seen << d | 1); s.next = seq + 1; }
  else { u32 d = s.next - 1 - seq; if (d >= 64 || (s.seen >> d & 1)) { g_dup++; return; } s.seen |= 1ull << d; g_ooo++; }
  if (c.slow) { g_slow_deliv++; return; }
  g_deliv++;
  if (g_measuring) { m_deliv++; g_lat.add(t > ts ? t - ts : 0); }
  if (O.mode[0] == 'e') echo_next(c);
}
static inline size_t on_data(Conn& c, const char* p, size_t n, u64 t) {  // returns bytes consumed (all, unless raw_stream keeps a tail)
  size_t off = 0; bool any = false;
  if (O.away && c.kind == SUB) note_position(c, p, n);
  if (n >= HEAD + c.hint && memcmp(p + c.hint, MARK, 4) == 0) { if (c.kind == SUB) on_message(c, p + c.hint, t); any = true; off = c.hint + O.size; }
  while (off + HEAD <= n) {
    const char* q = (const char*)memmem(p + off, n - off, MARK, 4);
    if (!q) break;
    size_t o = size_t(q - p); if (o + HEAD > n) break;
    if (!any) c.hint = u32(o);
    if (c.kind == SUB) on_message(c, q, t);
    any = true; off = o + O.size;
  }
  if (any) return n;
  for (auto& r : P.replies) {
    bool hit = r.how == '=' ? (n == r.match.size() && memcmp(p, r.match.data(), n) == 0) : r.how == '^' ? (n >= r.match.size() && memcmp(p, r.match.data(), r.match.size()) == 0) : memmem(p, n, r.match.data(), r.match.size()) != nullptr;
    if (hit) { g_pings++; queue_frame(c, P.binary ? 2 : 1, r.answer); return n; }
  }
  if (c.st == STEPPING) step_frame(c, p, n);
  else if (g_running && c.kind == SUB) { g_unparsed++; if (g_unparsed == 1 && O.verbose) fprintf(stderr, "unparsed frame: %.*s\n", int(std::min<size_t>(n, 200)), p); }
  return n;
}
// parse server frames; returns bytes consumed, or SIZE_MAX when the connection went away
static size_t parse(Conn& c, const char* p, size_t n, u64 t) {
  size_t pos = 0; u32 gen = c.gen;
  if (c.tr == T_TCP) { on_data(c, p, n, t); return c.gen == gen ? n : SIZE_MAX; }
  if (c.tr == T_HTTP) {
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
  if (c.st == UPGRADING) {
    const char* e = (const char*)memmem(p, n, "\r\n\r\n", 4); if (!e) return 0;
    if (n < 12 || memcmp(p + 9, "101", 3) != 0) { string l(p, std::min<size_t>(n, 60)); l = l.substr(0, l.find('\r')); conn_lost(c, l.c_str()); return SIZE_MAX; }
    if (!memmem(p, n, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28)) g_bad_accept++;
    if (memmem(p, size_t(e - p), "permessage-deflate", 18)) g_deflate++;
    pos = size_t(e + 4 - p); run_steps(c);
  }
  while (pos + 2 <= n) {
    const u8* h = (const u8*)p + pos; u64 len = h[1] & 127; size_t hl = 2;
    if (len == 126) { if (pos + 4 > n) break; len = u64(h[2]) << 8 | h[3]; hl = 4; }
    else if (len == 127) { if (pos + 10 > n) break; len = 0; for (int i = 0; i < 8; i++) len = len << 8 | h[2 + i]; hl = 10; }
    if (pos + hl + len > n) break;
    const char* d = p + pos + hl; u8 op = h[0] & 15;
    pos += hl + len; g_frames++;
    if (op <= 2) { on_data(c, d, len, t); if (c.gen != gen) return SIZE_MAX; }
    else if (op == 9) { g_pings++; queue_frame(c, 10, string(d, len)); }
    else if (op == 8) { g_close_frames++; if (len >= 2) g_close_codes[u8(d[0]) << 8 | u8(d[1])]++; }
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
static void on_readable(Conn& c) {
  if (!c.ssl) { read_once(c); return; }
  // What OpenSSL has decrypted already makes no socket readable: take it all.
  u32 gen = c.gen; if (!c.out.empty()) { flush(c); if (c.gen != gen) return; }
  do { errno = 0; u64 before = g_recvs; read_once(c); if (c.gen != gen || g_recvs == before) return; } while (true);
}
static string g_payload, g_frame;
static void build_payload(u64 ts, u32 seq, u32 room, u32 stream) { char* p = g_payload.data(); hexw(p + 4, ts, 16); hexw(p + 20, seq, 8); hexw(p + 28, room, 8); hexw(p + 36, stream, 4); }
static void publish(Conn& p, u32 room, u32 stream, u64 ts) {
  u32 seq = room_seq[size_t(room) * g_streams + stream]++;
  build_payload(ts, seq, room, stream);
  Vars v; v.i = p.idx; v.room = room; v.payload = g_payload.data(); v.len = g_payload.size(); v.seq = seq; v.id = p.kind == PUB ? p.idx - NSUB : 0;
  g_frame.clear();
  if (p.tr == T_HTTP) {
    string body = g_pub_frame.str(v);
    g_frame = "POST "; g_pub_path.to(g_frame, v); g_frame += " HTTP/1.1\r\nHost: " + O.host + "\r\n" + g_pub_headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    p.http_out++;
  } else g_pub_frame.to(g_frame, v);
  queue_frame(p, P.binary ? 2 : 1, g_frame);
  g_sent++; g_expected += room_active[room];
}
static void echo_next(Conn& c) { if (g_running) publish(c, c.room, 0, now_ns()); }

// ---------------------------------------------------------------- event loop
static u64 g_loops = 0;
static void poll_once(u64 max_wait_ns) {
  static epoll_event ev[2048]; flush_dirty();
  timespec ts{time_t(max_wait_ns / 1000000000ull), long(max_wait_ns % 1000000000ull)};
  int n = epoll_pwait2(ep, ev, 2048, &ts, nullptr); g_loops++;
  for (int i = 0; i < n; i++) {
    Conn& c = C[u32(ev[i].data.u64)]; u32 gen = u32(ev[i].data.u64 >> 32);
    if (c.gen != gen || c.fd < 0) continue;
    if (ev[i].events & EPOLLIN) { on_readable(c); if (c.gen != gen) continue; }
    else if (ev[i].events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) { int e = 0; socklen_t l = sizeof e; getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &e, &l); conn_lost(c, e ? strerror(e) : "hung up"); continue; }
    if (ev[i].events & EPOLLOUT) flush(c);
  }
  flush_dirty();
}
static void run_for(double secs) { u64 end = now_ns() + u64(secs * 1e9); for (u64 t; (t = now_ns()) < end;) poll_once(std::min<u64>(end - t, 100000000)); }
struct OpenResult { double secs; u32 ok; };
static OpenResult open_all(u32 from, u32 to) {
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

// ---------------------------------------------------------------- publishing
struct Sample { double t; u64 rss, ktcp; };
static vector<Sample> g_samples; static u64 g_rss_peak = 0, g_stalls = 0, g_late = 0;
static void write_off() { g_writeoff = g_expected > g_deliv ? g_expected - g_deliv : 0; }
struct Window { double secs = 0; u64 deliv = 0, sent = 0, bytes = 0, srv_cpu = 0, own_cpu = 0, user = 0, sys = 0, busy = 0; };
static Window run_publish() {
  u32 R = O.rooms, NP = O.pubs; u32 next_room = 0, next_pub = 0; u64 m = 0;
  g_running = true; u64 t0 = now_ns(), tw = t0 + u64(O.warmup * 1e9), tend = tw + u64(O.secs * 1e9), tsample = t0; bool warm = false;
  u64 lastd = g_deliv; g_last_progress = t0; Window w; SrvStat s0{}; u64 c0 = 0, sent0 = 0, tm0 = 0, b0 = 0;
  bool echo = O.mode[0] == 'e', open = O.rate > 0;
  if (echo) for (u32 i = 0; i < NSUB; i++) for (u32 k = 0; k < O.window; k++) if (C[i].st == READY) publish(C[i], C[i].room, 0, now_ns());
  for (;;) {
    u64 t = now_ns();
    if (!warm && t >= tw) { warm = true; s0 = srv_stat(false); c0 = self_cpu_ns(); b0 = machine_busy_ns(); sent0 = g_sent; t = tm0 = now_ns(); tend = t + u64(O.secs * 1e9); g_measuring = true; }
    if (t >= tend && warm) break;
    if (O.msgs && m >= O.msgs) break;
    if (t >= tsample) { SrvStat s = srv_stat(false); g_rss_peak = std::max(g_rss_peak, s.rss); if (O.mode == "slow" && (g_samples.empty() || double(t - t0) / 1e9 - g_samples.back().t >= 0.99)) g_samples.push_back({double(t - t0) / 1e9, s.rss, kernel_tcp_bytes()}); tsample = t + 250000000; }
    u64 wait = 50000000;
    if (!echo) {
      int burst = 0;
      for (;;) {
        if (O.msgs && m >= O.msgs) break;
        Conn* p = nullptr; u32 k = R > 1 ? next_room % NP : next_pub % NP;
        p = &C[NSUB + k];
        if (p->st != READY) { if (p->st == CLOSED) die("publisher was closed by the server (%s)", g_first_error.c_str()); break; }
        if (open) {
          u64 due = t0 + u64(double(m) * 1e9 / O.rate);
          if (due > t) { wait = std::min(wait, due - t); break; }
          if (p->out.size() > (4u << 20) || (p->tr == T_HTTP && p->http_out >= O.http_pipeline)) { g_late++; wait = 1000000; break; }
          publish(*p, next_room, R > 1 ? 0 : k, due);
        } else {
          u64 outst = g_expected - std::min(g_expected, g_deliv + g_writeoff); u64 per = room_active[next_room];
          if (outst > u64(O.window - 1) * per || p->out.size() > (1u << 20) || (p->tr == T_HTTP && p->http_out >= O.http_pipeline)) break;
          publish(*p, next_room, R > 1 ? 0 : k, now_ns());
        }
        m++; if (R > 1) next_room = (next_room + 1) % R; else next_pub++;
        if (++burst >= 4096) { wait = 0; break; }
      }
    }
    poll_once(wait);
    if (g_deliv != lastd) { lastd = g_deliv; g_last_progress = t; }
    else if (!open && t - g_last_progress > 1000000000ull) { g_stalls++; write_off(); g_last_progress = t; if (echo) for (u32 i = 0; i < NSUB; i++) if (C[i].st == READY) publish(C[i], C[i].room, 0, now_ns()); }
  }
  u64 te = now_ns();
  if (warm) { SrvStat s1 = srv_stat(false); w.secs = double(te - tm0) / 1e9; w.deliv = m_deliv; w.bytes = m_bytes; w.sent = g_sent - sent0; w.srv_cpu = s1.cpu_ns - s0.cpu_ns; w.own_cpu = self_cpu_ns() - c0; w.busy = machine_busy_ns() - b0; w.user = s1.user_ticks - s0.user_ticks; w.sys = s1.sys_ticks - s0.sys_ticks; g_rss_peak = std::max(g_rss_peak, s1.rss); }
  bool was = g_running; g_running = !echo && was; if (O.rate <= 0) g_measuring = false;
  // drain
  u64 d = g_deliv, tl = now_ns();
  while (g_deliv < g_expected && now_ns() - tl < u64(O.drain * 1e9)) { poll_once(20000000); if (g_deliv != d) { d = g_deliv; tl = now_ns(); } }
  run_for(0.1); g_running = g_measuring = false;
  return w;
}

// ---------------------------------------------------------------- output
static string J; static bool g_first = true;
static void jraw(const char* k, const string& v) { J += g_first ? "\n  \"" : ",\n  \""; g_first = false; J += k; J += "\": "; J += v; }
static void jn(const char* k, double v) { char b[64]; snprintf(b, sizeof b, v == double(i64(v)) ? "%.0f" : "%.4g", v); if (v != double(i64(v)) && (v > 1000 || v < -1000)) snprintf(b, sizeof b, "%.1f", v); jraw(k, b); }
static void js(const char* k, const string& v) { string e = "\""; for (char c : v) { if (c == '"' || c == '\\') { e += '\\'; e += c; } else if (u8(c) < 32) e += ' '; else e += c; } jraw(k, e + "\""); }
static void jlat(const char* k, const Hist& h) {
  char b[400]; snprintf(b, sizeof b, "{\"n\": %lu, \"mean_us\": %.1f, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}", h.n, h.n ? h.sum / double(h.n) / 1e3 : 0, double(h.q(.5)) / 1e3, double(h.q(.9)) / 1e3, double(h.q(.99)) / 1e3, double(h.q(.999)) / 1e3, double(h.mx) / 1e3);
  jraw(k, b);
}
static void usage() {
  puts("wsload --mode fanout|rooms|idle|storm|slow|echo --profile raw|hubbub|uws|pusher|nats|socketio|nchan|centrifugo|custom [options]\n"
       "  --host 127.0.0.1 --port N        server (loopback)         --server-pid PID   account for it and its children (repeatable)\n"
       "  --n N                            subscribers               --rooms R --subs K rooms of K (mode rooms: n = R*K)\n"
       "  --pubs P  --size S(>=40)         publishers, payload       --rate X | --window W  open loop msgs/s (0 = closed loop, W outstanding)\n"
       "  --secs T --warmup T --msgs M     length of the run         --settle T --drain T --hold T --connect-timeout T\n"
       "  --inflight C --connect-rate X    handshakes under way/paced --srcs K --src-base B   source addresses 127.0.0.B..\n"
       "  --slow-frac F --slow-rcvbuf B    mode slow                 --storms K --fin   mode storm (default drop is RST)\n"
       "  --after T --at-stall-end CMD     mode slow: how long they read again; a command to run just before\n"
       "  --away M                         mode storm: M events meanwhile; all join again after the position they had, and catch up\n"
       "  --tls                            wss, no certificate is looked at     --joins J   mode rooms: each joins J rooms, n = R*K/J\n"
       "  --rcvbuf B --retries K --label TEXT --verbose\n"
       "Protocol (each overrides the profile): --path T --protocol P --header 'A: b' --room-format 'r{r}'\n"
       "  --step '>frame' --step '<substring' --step '<#3'   after the upgrade: send / wait for a substring / for 3 frames (in order); '' for none\n"
       "  --pub-step ... --pub-path T --pub-port N --pub-frame T --binary 0|1 --pub-transport ws|http|tcp|cmd --pub-cmd CMD --pub-header 'A: b' --http-pipeline K\n"
       "  --reply '=frame=>answer' | '^prefix=>answer' | '*substring=>answer'   application pings\n"
       "Templates: {i} connection, {room}, {payload}, {len}, {seq}, {id} publisher; \\r \\n \\t \\xHH escapes.");
  exit(0);
}
int main(int ac, char** av) {
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < 256; i++) HEXV[i] = u8(i >= '0' && i <= '9' ? i - '0' : i >= 'a' && i <= 'f' ? i - 'a' + 10 : 0);
  auto arg = [&](int& i) -> string { if (i + 1 >= ac) die("%s needs a value", av[i]); return av[++i]; };
  for (int i = 1; i < ac; i++) { string a = av[i]; if (a == "--profile") O.profile = arg(i); else if (a == "--help" || a == "-h") usage(); }
  P = make_profile(O.profile); u32 K = 0; bool n_set = false, st_set = false, ps_set = false, rep_set = false;
  for (int i = 1; i < ac; i++) {
    string a = av[i]; auto U = [&] { return u32(strtoul(arg(i).c_str(), nullptr, 10)); }; auto D = [&] { return atof(arg(i).c_str()); };
    if (a == "--mode") O.mode = arg(i); else if (a == "--profile") arg(i); else if (a == "--host") O.host = arg(i); else if (a == "--port") O.port = int(U());
    else if (a == "--n") { O.n = U(); n_set = true; } else if (a == "--rooms") O.rooms = U(); else if (a == "--subs") K = U(); else if (a == "--pubs") O.pubs = U();
    else if (a == "--size") O.size = U(); else if (a == "--rate") O.rate = D(); else if (a == "--window") O.window = std::max(1u, U()); else if (a == "--secs") O.secs = D();
    else if (a == "--warmup") O.warmup = D(); else if (a == "--msgs") O.msgs = U(); else if (a == "--settle") O.settle = D(); else if (a == "--drain") O.drain = D();
    else if (a == "--hold") O.hold = D(); else if (a == "--connect-timeout") O.connect_timeout = D(); else if (a == "--inflight") O.inflight = std::max(1u, U());
    else if (a == "--connect-rate") O.connect_rate = D(); else if (a == "--srcs") O.srcs = U(); else if (a == "--src-base") O.src_base = U();
    else if (a == "--slow-frac") O.slow_frac = D(); else if (a == "--slow-rcvbuf") O.slow_rcvbuf = int(U()); else if (a == "--storms") O.storms = U(); else if (a == "--fin") O.fin = true;
    else if (a == "--rcvbuf") O.rcvbuf = int(U()); else if (a == "--retries") O.retries = U(); else if (a == "--label") O.label = arg(i); else if (a == "--verbose") O.verbose = true;
    else if (a == "--server-pid") g_server_pids.push_back(int(U())); else if (a == "--tls") O.tls = true; else if (a == "--joins") O.joins = std::max(1u, U()); else if (a == "--away") O.away = U();
    else if (a == "--after") O.after = D(); else if (a == "--at-stall-end") O.at_stall_end = arg(i); else if (a == "--http-pipeline") O.http_pipeline = std::max(1u, U());
    else if (a == "--path") P.path = arg(i); else if (a == "--protocol") P.protocol = arg(i); else if (a == "--header") P.headers.push_back(arg(i)); else if (a == "--pub-header") g_pub_headers += arg(i) + "\r\n";
    else if (a == "--room-format") { g_room_fmt = arg(i); g_room_prefix_set = true; }
    else if (a == "--step") { if (!st_set) P.steps.clear(); st_set = true; string s = arg(i); if (!s.empty()) P.steps.push_back(s); }
    else if (a == "--pub-step") { if (!ps_set) P.pub_steps.clear(); ps_set = P.pub_steps_set = true; string s = arg(i); if (!s.empty()) P.pub_steps.push_back(s); }
    else if (a == "--pub-port") P.pub_port = int(U()); else if (a == "--pub-path") P.pub_path = arg(i); else if (a == "--pub-frame") P.pub_frame = arg(i); else if (a == "--binary") P.binary = U() != 0; else if (a == "--pub-cmd") { P.pub_cmd = arg(i); P.pub_transport = T_CMD; }
    else if (a == "--pub-transport") { string s = arg(i); P.pub_transport = s == "ws" ? T_WS : s == "http" ? T_HTTP : s == "tcp" ? T_TCP : s == "cmd" ? T_CMD : (die("transport %s", s.c_str()), T_WS); }
    else if (a == "--reply") { if (!rep_set) P.replies.clear(); rep_set = true; string s = arg(i); size_t k = s.find("=>", 1); if (s.size() < 4 || k == string::npos) die("--reply"); P.replies.push_back({s[0], unescape(s.substr(1, k - 1)), s.substr(k + 2)}); }
    else die("unknown option %s", a.c_str());
  }
  if (O.host.compare(0, 4, "127.") != 0) die("only loopback addresses are allowed");
  if (O.size < HEAD) O.size = HEAD;
  for (auto& r : P.replies) r.answer = unescape(r.answer);
  if (O.mode == "rooms") { if (!K) K = 10; if (O.rooms <= 1) O.rooms = 1000; if (O.rooms % O.joins) die("--joins does not divide the number of rooms"); O.n = O.rooms * K / O.joins; } else if (O.mode == "echo") { O.rooms = O.n; O.pubs = 0; } else O.rooms = 1;
  (void)n_set; if (O.mode != "rooms") O.joins = 1;
  if (O.mode != "storm" || P.since_steps.empty()) { if (O.away) die("--away is for mode storm and a profile that knows positions"); }
  if (O.mode == "idle" || (O.mode == "storm" && !O.away)) O.pubs = 0; else if (O.away) O.pubs = 1;
  NSUB = O.n; g_stride = O.rooms / O.joins; g_streams = O.rooms > 1 ? 1 : std::max(1u, O.pubs);
  if (!P.pub_steps_set) P.pub_steps = P.steps;
  g_sub_steps = compile(P.steps); g_pub_steps = compile(P.pub_steps); g_since_steps = compile(P.since_steps);
  g_path = Template(P.path); g_pub_path = Template(P.pub_path.empty() ? P.path : P.pub_path);
  g_pub_frame = Template(unescape(P.pub_frame));
  for (auto& h : P.headers) g_headers += h + "\r\n";
  g_payload.assign(O.size, 'x'); memcpy(g_payload.data(), MARK, 4);
  for (u32 r = 0; r < O.rooms; r++) g_room_names.push_back(room_name(r));
  rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rlim_t want = O.n + O.pubs + 100;
  if (rl.rlim_cur < want) { rlimit nl = rl; nl.rlim_cur = nl.rlim_max = std::max<rlim_t>(want, rl.rlim_max); if (setrlimit(RLIMIT_NOFILE, &nl) < 0) { nl = rl; nl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &nl); if (rl.rlim_max < want) die("this process may open %lu files only; split --n over several wsload processes", (unsigned long)rl.rlim_max); } }
  ep = epoll_create1(EPOLL_CLOEXEC); C.resize(NSUB + O.pubs); S.resize(size_t(NSUB) * O.joins * g_streams); room_active.assign(O.rooms, 0); room_seq.assign(size_t(O.rooms) * g_streams, 0);
  u32 nslow = O.mode == "slow" ? std::max(1u, u32(O.slow_frac * O.n)) : 0;
  for (u32 i = 0; i < C.size(); i++) { Conn& c = C[i]; c.idx = i; c.kind = i < NSUB ? SUB : PUB; c.room = c.kind == PUB ? (i - NSUB) % O.rooms : O.mode == "rooms" ? i % g_stride : O.mode == "echo" ? i : 0; c.tr = c.kind == PUB ? P.pub_transport : T_WS; c.slow = nslow && i < NSUB && i % (NSUB / nslow) == 0 && i / (NSUB / nslow) < nslow; }

  SrvStat a0 = srv_stat(true); u64 k0 = kernel_tcp_bytes(), sl0 = slab_bytes(), own0 = self_cpu_ns();
  OpenResult r = open_all(0, NSUB); u64 own1 = self_cpu_ns(); SrvStat a1 = srv_stat(false);
  if (getenv("WSLOAD_TRACE")) fprintf(stderr, "opened %u in %.3f s\n", r.ok, r.secs);
  for (u32 i = 0; i < O.pubs; i++) {
    Conn& c = C[NSUB + i];
    if (c.tr == T_CMD) {
      int pf[2]; if (pipe2(pf, O_NONBLOCK | O_CLOEXEC) < 0) die("pipe");
      pid_t pid = fork(); if (pid == 0) { int fl = fcntl(pf[0], F_GETFL); fcntl(pf[0], F_SETFL, fl & ~O_NONBLOCK); dup2(pf[0], 0); execl("/bin/sh", "sh", "-c", P.pub_cmd.c_str(), nullptr); _exit(127); }
      close(pf[0]); c.fd = pf[1]; c.st = READY; ep_set(c, EPOLL_CTL_ADD, 0); 
    }
  }
  bool cmd = P.pub_transport == T_CMD; if (O.pubs && !cmd) { O.retries = 0; auto pr = open_all(NSUB, NSUB + O.pubs); if (pr.ok < O.pubs) die("only %u of %u publishers ready: %s", pr.ok, O.pubs, g_first_error.c_str()); }
  run_for(O.settle);

  J = "{"; js("label", O.label); js("mode", O.mode); js("profile", O.profile); jn("subscribers", O.n); jn("rooms", O.rooms); jn("publishers", O.pubs); jn("size", O.size); jn("rate", O.rate); jn("window", O.rate > 0 ? 0 : O.window);
  jn("opened", r.ok); if (g_deflate) jn("deflate_negotiated", double(g_deflate)); jn("failed", g_failed); jn("retried", g_retried); jn("connect_s", r.secs); jn("connect_per_s", r.secs > 0 ? r.ok / r.secs : 0);
  jlat("handshake_to_ready", g_hs);
  if (!g_server_pids.empty()) jn("connect_server_cpu_us", r.ok ? double(a1.cpu_ns - a0.cpu_ns) / 1e3 / r.ok : 0);
  jn("connect_own_cpu_us", r.ok ? double(own1 - own0) / 1e3 / r.ok : 0);
  auto mem = [&](const char* name, const SrvStat& s) { char b[200]; snprintf(b, sizeof b, "{\"rss\": %lu, \"pss\": %lu, \"cpu_s\": %.3f}", s.rss, s.pss, double(s.cpu_ns) / 1e9); jraw(name, b); };

  if (O.mode == "idle") {
    run_for(O.hold); SrvStat a2 = srv_stat(true); u64 k2 = kernel_tcp_bytes(), sl2 = slab_bytes();
    if (!g_server_pids.empty()) { mem("server_before", a0); mem("server_after", a2); jn("rss_bytes_per_conn", r.ok ? (double(a2.rss) - double(a0.rss)) / r.ok : 0); jn("pss_bytes_per_conn", r.ok ? (double(a2.pss) - double(a0.pss)) / r.ok : 0); jn("idle_server_cpu_pct", double(a2.cpu_ns - a1.cpu_ns) / 1e7 / (O.hold + O.settle)); }
    jn("kernel_tcp_bytes_per_conn", r.ok ? (double(k2) - double(k0)) / r.ok : 0); jn("slab_bytes_per_conn", r.ok ? (double(sl2) - double(sl0)) / r.ok : 0);
    jn("closed_by_server", g_closed);
  } else if (O.mode == "storm") {
    mem("server_before", a0); string arr = "["; u64 want = 0;
    // Publishes m events; whoever is there gets them at once. `want`: deliveries when everybody has everything.
    auto tell = [&](u32 m) { g_running = true; for (u32 i = 0; i < m; i++) { publish(C[NSUB], 0, 0, now_ns()); want += NSUB; } flush_dirty(); };
    auto catch_up = [&] { u64 d = g_deliv, t = now_ns(); while (g_deliv < want && now_ns() - t < u64(O.drain * 1e9)) { poll_once(1000000); if (g_deliv != d) { d = g_deliv; t = now_ns(); } } };
    for (u32 k = 0; k < O.storms; k++) {
      if (O.away) { tell(1); catch_up(); g_recovered = g_gaps = 0; }
      g_hs = Hist(); g_tearing = true; u64 t0 = now_ns(); SrvStat s0 = srv_stat(false); u64 o0 = self_cpu_ns();
      for (u32 i = 0; i < NSUB; i++) { Conn& c = C[i]; if (c.fd >= 0) { if (!O.fin) { linger l{1, 0}; setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &l, sizeof l); } conn_drop(c, FREE); } c.st = FREE; c.tries = 0; c.gen++; }
      g_tearing = false; double drop = double(now_ns() - t0) / 1e9; u32 f0 = g_failed, re0 = g_retried;
      tell(O.away); OpenResult q = open_all(0, NSUB); double all = double(now_ns() - t0) / 1e9; catch_up(); double caught = double(now_ns() - t0) / 1e9; SrvStat s1 = srv_stat(false);
      char b[700]; snprintf(b, sizeof b, "%s\n    {\"caught_up_s\": %.3f, \"missed\": %lu, \"recovered\": %lu, \"gaps\": %lu, \"ready\": %u, \"failed\": %u, \"retried\": %u, \"drop_s\": %.3f, \"reconnect_s\": %.3f, \"total_s\": %.3f, \"handshakes_per_s\": %.0f, \"server_cpu_us_each\": %.2f, \"own_cpu_us_each\": %.2f, \"ready_p50_us\": %.0f, \"ready_p99_us\": %.0f, \"ready_max_us\": %.0f}", k ? "," : "", caught, want > g_deliv ? want - g_deliv : 0, g_recovered, g_gaps, q.ok, g_failed - f0, g_retried - re0, drop, q.secs, all, q.ok / q.secs, q.ok ? double(s1.cpu_ns - s0.cpu_ns) / 1e3 / q.ok : 0, q.ok ? double(self_cpu_ns() - o0) / 1e3 / q.ok : 0, double(g_hs.q(.5)) / 1e3, double(g_hs.q(.99)) / 1e3, double(g_hs.mx) / 1e3);
      arr += b; run_for(O.settle);
    }
    SrvStat a2 = srv_stat(true); mem("server_after", a2); jraw("storms", arr + "]"); jn("duplicated", double(g_dup)); jn("out_of_order", double(g_ooo));
  } else {
    SrvStat a2 = srv_stat(true);
    u32 sl = 0; if (nslow) for (u32 i = 0; i < NSUB; i++) if (C[i].slow && C[i].st == READY) { sl++; ep_set(C[i], EPOLL_CTL_MOD, EPOLLRDHUP); }
    Window w = run_publish(); SrvStat a3 = srv_stat(true); u64 k3 = kernel_tcp_bytes();
    u64 uniq = g_deliv; u64 lost = g_expected > uniq ? g_expected - uniq : 0;
    jn("published", g_sent); jn("deliveries", double(uniq)); jn("expected", double(g_expected)); jn("lost", double(lost)); jn("duplicated", double(g_dup)); jn("out_of_order", double(g_ooo)); jn("misrouted", double(g_misroute)); jn("other_frames", double(g_unparsed)); jn("app_and_ws_pings", double(g_pings));
    jn("closed_by_server", g_closed); jn("stalls", double(g_stalls)); if (O.rate > 0) jn("late_sends", double(g_late)); if (P.pub_transport == T_HTTP) jn("http_publish_errors", double(g_http_bad));
    jn("window_s", w.secs); jn("deliveries_per_s", w.secs ? double(w.deliv) / w.secs : 0); jn("published_per_s", w.secs ? double(w.sent) / w.secs : 0); jn("wire_bytes_per_s", w.secs ? double(w.bytes) / w.secs : 0); jn("wire_bytes_per_delivery", w.deliv ? double(w.bytes) / double(w.deliv) : 0);
    jlat("latency", g_lat);
    if (!g_server_pids.empty()) { jn("server_cpu_us_per_delivery", w.deliv ? double(w.srv_cpu) / 1e3 / double(w.deliv) : 0); jn("server_cpu_pct", w.secs ? double(w.srv_cpu) / 1e7 / w.secs : 0); jn("server_user_share", w.user + w.sys ? double(w.user) / double(w.user + w.sys) : 0); mem("server_before", a0); mem("server_subscribed", a2); mem("server_after", a3); jn("server_rss_peak", double(g_rss_peak)); jn("rss_bytes_per_conn", r.ok ? (double(a2.rss) - double(a0.rss)) / r.ok : 0); }
    jn("own_cpu_pct", w.secs ? double(w.own_cpu) / 1e7 / w.secs : 0); jn("own_cpu_us_per_delivery", w.deliv ? double(w.own_cpu) / 1e3 / double(w.deliv) : 0); jn("recv_calls", double(g_recvs));
    if (!g_server_pids.empty()) jn("foreign_cpu_pct", w.secs ? std::max(0.0, (double(w.busy) - double(w.srv_cpu) - double(w.own_cpu)) / 1e7 / w.secs) : 0);
    jn("kernel_tcp_bytes_after", double(k3));
    if (nslow) {
      if (!O.at_stall_end.empty() && system(O.at_stall_end.c_str()) != 0) note("the command at the stall's end failed");
      jn("slow_subscribers", sl); jn("slow_closed_by_server_during", g_slow_closed);
      for (u32 i = 0; i < NSUB; i++) if (C[i].slow && C[i].st == READY) ep_set(C[i], EPOLL_CTL_MOD, EPOLLIN);
      run_for(O.after); SrvStat a4 = srv_stat(true);
      jn("slow_closed_by_server_after_reading", g_slow_closed); jn("slow_deliveries_after_reading", double(g_slow_deliv)); jn("slow_expected_each", double(g_sent)); mem("server_after_slow_read", a4);
      string s = "["; for (auto& x : g_samples) { char b[120]; snprintf(b, sizeof b, "%s[%.1f, %.1f, %.1f]", s.size() > 1 ? ", " : "", x.t, double(x.rss) / 1048576, double(x.ktcp) / 1048576); s += b; }
      jraw("samples_t_rssMiB_ktcpMiB", s + "]");
    }
  }
  if (!g_close_codes.empty()) { string s = "{"; for (auto& [k, v] : g_close_codes) s += (s.size() > 1 ? ", \"" : "\"") + std::to_string(k) + "\": " + std::to_string(v); jraw("close_codes", s + "}"); }
  if (g_bad_accept) jn("bad_accept_hash", g_bad_accept);
  js("first_error", g_first_error); J += "\n}\n"; fputs(J.c_str(), stdout); fflush(stdout);
  g_tearing = true;
  for (auto& c : C) if (c.fd >= 0 && c.tr != T_CMD) { linger l{1, 0}; setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &l, sizeof l); close(c.fd); }
  return 0;
}
