// Publishing, and what comes of it while it is measured.
#pragma once

#include "basics.hpp"

struct Window { double secs = 0; u64 deliv = 0, sent = 0, bytes = 0, srv_cpu = 0, own_cpu = 0, user = 0, sys = 0, busy = 0; };
struct Sample { double t; u64 rss, ktcp; };
inline vector<Sample> g_samples;  // mode slow: one a second
inline u64 g_rss_peak = 0, g_stalls = 0, g_late = 0;
Window run_publish();
