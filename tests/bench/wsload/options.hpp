#pragma once

#include "profile.hpp"

struct Opt {
  string mode = "fanout", profile = "uws", host = "127.0.0.1", label;
  int port = 9000; u32 n = 100, rooms = 1, pubs = 1, window = 1, size = 128, inflight = 256, srcs = 8, src_base = 2, retries = 3, storms = 3;
  double rate = 0, secs = 5, warmup = 1, settle = 0.5, drain = 5, connect_timeout = 60, slow_frac = 0.01, hold = 5, connect_rate = 0, after = 2;
  u64 msgs = 0; int rcvbuf = 0, slow_rcvbuf = 4096; bool fin = false, verbose = false, tls = false; u32 http_pipeline = 1, joins = 1, away = 0; string at_stall_end;
};
inline Opt O;
inline Profile P;     // and what the options say otherwise
inline u32 NSUB = 0;  // so many connections subscribe, those after them publish
inline vector<Step> g_sub_steps, g_pub_steps, g_since_steps;
inline Template g_path, g_pub_path, g_pub_frame;
inline string g_headers, g_pub_headers;

void read_options(int ac, char** av);
