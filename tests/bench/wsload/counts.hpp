// What is counted during a run.
#pragma once

#include "histogram.hpp"

#include <map>

inline u32 g_failed = 0, g_closed = 0, g_retried = 0, g_slow_closed = 0, g_bad_accept = 0;  // connections
inline u64 g_deliv = 0, g_dup = 0, g_ooo = 0, g_misroute = 0, g_expected = 0, g_sent = 0, g_slow_deliv = 0;  // messages
inline u64 g_bytes = 0, g_recvs = 0, g_pings = 0, g_unparsed = 0, g_http_bad = 0;
inline u64 g_deflate = 0, g_recovered = 0, g_gaps = 0;
inline bool g_running = false, g_measuring = false, g_tearing = false;
inline u64 m_deliv = 0, m_bytes = 0; inline Hist g_lat;  // while g_measuring
inline Hist g_hs;                                        // from connecting to ready
inline std::map<int, u64> g_close_codes; inline string g_first_error;

inline void note(const string& s) { if (g_first_error.empty()) g_first_error = s.substr(0, 200); }
