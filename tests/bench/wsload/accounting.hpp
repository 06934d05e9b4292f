// What the server and this machine spend, from /proc.
#pragma once

#include "basics.hpp"

struct SrvStat { u64 rss = 0, pss = 0, cpu_ns = 0, user_ticks = 0, sys_ticks = 0; };
inline vector<int> g_server_pids;
SrvStat srv_stat(bool pss);  // of the servers and their children
u64 kernel_tcp_bytes();
u64 slab_bytes();
u64 machine_busy_ns();
u64 self_cpu_ns();
