#include "accounting.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <map>

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
SrvStat srv_stat(bool pss) {
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
u64 kernel_tcp_bytes() {
  char b[1024]; int fd = open("/proc/net/sockstat", O_RDONLY); if (fd < 0) return 0;
  ssize_t n = read(fd, b, sizeof b - 1); close(fd); if (n <= 0) return 0; b[n] = 0;
  char* p = strstr(b, "TCP:"); if (!p) return 0; p = strstr(p, " mem "); return p ? strtoull(p + 5, nullptr, 10) * 4096 : 0;
}
u64 slab_bytes() {
  FILE* f = fopen("/proc/meminfo", "r"); if (!f) return 0; char l[200]; u64 v = 0;
  while (fgets(l, sizeof l, f)) if (sscanf(l, "Slab: %lu", &v) == 1) break;
  fclose(f); return v * 1024;
}
u64 machine_busy_ns() {  // all cores, everything but idle and iowait
  FILE* f = fopen("/proc/stat", "r"); if (!f) return 0; unsigned long v[8] = {}; int k = fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7); fclose(f);
  return k < 8 ? 0 : (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * (1000000000ull / u64(sysconf(_SC_CLK_TCK)));
}
u64 self_cpu_ns() { timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return u64(t.tv_sec) * 1000000000ull + t.tv_nsec; }
