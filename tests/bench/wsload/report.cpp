#include "report.hpp"

static string J = "{"; static bool g_first = true;
void jraw(const char* k, const string& v) { J += g_first ? "\n  \"" : ",\n  \""; g_first = false; J += k; J += "\": "; J += v; }
void jn(const char* k, double v) { char b[64]; snprintf(b, sizeof b, v == double(i64(v)) ? "%.0f" : "%.4g", v); if (v != double(i64(v)) && (v > 1000 || v < -1000)) snprintf(b, sizeof b, "%.1f", v); jraw(k, b); }
void js(const char* k, const string& v) { string e = "\""; for (char c : v) { if (c == '"' || c == '\\') { e += '\\'; e += c; } else if (u8(c) < 32) e += ' '; else e += c; } jraw(k, e + "\""); }
void jlat(const char* k, const Hist& h) {
  char b[400]; snprintf(b, sizeof b, "{\"n\": %lu, \"mean_us\": %.1f, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}", h.n, h.n ? h.sum / double(h.n) / 1e3 : 0, double(h.q(.5)) / 1e3, double(h.q(.9)) / 1e3, double(h.q(.99)) / 1e3, double(h.q(.999)) / 1e3, double(h.mx) / 1e3);
  jraw(k, b);
}
void jmem(const char* k, const SrvStat& s) { char b[200]; snprintf(b, sizeof b, "{\"rss\": %lu, \"pss\": %lu, \"cpu_s\": %.3f}", s.rss, s.pss, double(s.cpu_ns) / 1e9); jraw(k, b); }
void print_report() { J += "\n}\n"; fputs(J.c_str(), stdout); fflush(stdout); }
