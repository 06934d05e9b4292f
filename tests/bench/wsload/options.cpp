#include "options.hpp"

#include "accounting.hpp"
#include "marker.hpp"
#include "rooms.hpp"

#include <algorithm>

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
// What they mean in that mode.
static void settle_mode(u32 subs) {
  if (O.mode == "rooms") {
    if (O.rooms <= 1) O.rooms = 1000;
    if (O.rooms % O.joins) die("--joins does not divide the number of rooms");
    O.n = O.rooms * (subs ? subs : 10) / O.joins;
  } else if (O.mode == "echo") { O.rooms = O.n; O.pubs = 0; }
  else O.rooms = 1;
  if (O.mode != "rooms") O.joins = 1;
  if (O.mode != "storm" || P.since_steps.empty()) { if (O.away) die("--away is for mode storm and a profile that knows positions"); }
  if (O.mode == "idle" || (O.mode == "storm" && !O.away)) O.pubs = 0; else if (O.away) O.pubs = 1;
  NSUB = O.n; g_stride = O.rooms / O.joins; g_streams = O.rooms > 1 ? 1 : std::max(1u, O.pubs);
}
static void compile_profile() {
  for (auto& r : P.replies) r.answer = unescape(r.answer);
  if (!P.pub_steps_set) P.pub_steps = P.steps;
  g_sub_steps = compile(P.steps); g_pub_steps = compile(P.pub_steps); g_since_steps = compile(P.since_steps);
  g_path = Template(P.path); g_pub_path = Template(P.pub_path.empty() ? P.path : P.pub_path);
  g_pub_frame = Template(unescape(P.pub_frame));
  for (auto& h : P.headers) g_headers += h + "\r\n";
}
void read_options(int ac, char** av) {
  auto arg = [&](int& i) -> string { if (i + 1 >= ac) die("%s needs a value", av[i]); return av[++i]; };
  for (int i = 1; i < ac; i++) { string a = av[i]; if (a == "--profile") O.profile = arg(i); else if (a == "--help" || a == "-h") usage(); }
  P = make_profile(O.profile); u32 subs = 0; bool st_set = false, ps_set = false, rep_set = false;
  for (int i = 1; i < ac; i++) {
    string a = av[i]; auto U = [&] { return u32(strtoul(arg(i).c_str(), nullptr, 10)); }; auto D = [&] { return atof(arg(i).c_str()); };
    if (a == "--mode") O.mode = arg(i); else if (a == "--profile") arg(i); else if (a == "--host") O.host = arg(i); else if (a == "--port") O.port = int(U());
    else if (a == "--n") O.n = U(); else if (a == "--rooms") O.rooms = U(); else if (a == "--subs") subs = U(); else if (a == "--pubs") O.pubs = U();
    else if (a == "--size") O.size = U(); else if (a == "--rate") O.rate = D(); else if (a == "--window") O.window = std::max(1u, U()); else if (a == "--secs") O.secs = D();
    else if (a == "--warmup") O.warmup = D(); else if (a == "--msgs") O.msgs = U(); else if (a == "--settle") O.settle = D(); else if (a == "--drain") O.drain = D();
    else if (a == "--hold") O.hold = D(); else if (a == "--connect-timeout") O.connect_timeout = D(); else if (a == "--inflight") O.inflight = std::max(1u, U());
    else if (a == "--connect-rate") O.connect_rate = D(); else if (a == "--srcs") O.srcs = U(); else if (a == "--src-base") O.src_base = U();
    else if (a == "--slow-frac") O.slow_frac = D(); else if (a == "--slow-rcvbuf") O.slow_rcvbuf = int(U()); else if (a == "--storms") O.storms = U(); else if (a == "--fin") O.fin = true;
    else if (a == "--rcvbuf") O.rcvbuf = int(U()); else if (a == "--retries") O.retries = U(); else if (a == "--label") O.label = arg(i); else if (a == "--verbose") O.verbose = true;
    else if (a == "--server-pid") g_server_pids.push_back(int(U())); else if (a == "--tls") O.tls = true; else if (a == "--joins") O.joins = std::max(1u, U()); else if (a == "--away") O.away = U();
    else if (a == "--after") O.after = D(); else if (a == "--at-stall-end") O.at_stall_end = arg(i); else if (a == "--http-pipeline") O.http_pipeline = std::max(1u, U());
    else if (a == "--path") P.path = arg(i); else if (a == "--protocol") P.protocol = arg(i); else if (a == "--header") P.headers.push_back(arg(i)); else if (a == "--pub-header") g_pub_headers += arg(i) + "\r\n";
    else if (a == "--room-format") g_room_fmt = arg(i);
    else if (a == "--step") { if (!st_set) P.steps.clear(); st_set = true; string s = arg(i); if (!s.empty()) P.steps.push_back(s); }
    else if (a == "--pub-step") { if (!ps_set) P.pub_steps.clear(); ps_set = P.pub_steps_set = true; string s = arg(i); if (!s.empty()) P.pub_steps.push_back(s); }
    else if (a == "--pub-port") P.pub_port = int(U()); else if (a == "--pub-path") P.pub_path = arg(i); else if (a == "--pub-frame") P.pub_frame = arg(i); else if (a == "--binary") P.binary = U() != 0; else if (a == "--pub-cmd") { P.pub_cmd = arg(i); P.pub_transport = T_CMD; }
    else if (a == "--pub-transport") { string s = arg(i); P.pub_transport = s == "ws" ? T_WS : s == "http" ? T_HTTP : s == "tcp" ? T_TCP : s == "cmd" ? T_CMD : (die("transport %s", s.c_str()), T_WS); }
    else if (a == "--reply") { if (!rep_set) P.replies.clear(); rep_set = true; string s = arg(i); size_t k = s.find("=>", 1); if (s.size() < 4 || k == string::npos) die("--reply"); P.replies.push_back({s[0], unescape(s.substr(1, k - 1)), s.substr(k + 2)}); }
    else die("unknown option %s", a.c_str());
  }
  if (O.host.compare(0, 4, "127.") != 0) die("only loopback addresses are allowed");
  if (O.size < HEAD) O.size = HEAD;
  settle_mode(subs);
  compile_profile();
}
