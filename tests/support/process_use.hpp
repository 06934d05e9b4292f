#pragma once

#include <unistd.h>

#include <cstddef>
#include <ctime>
#include <fstream>

/// What this process uses.
namespace hubbub::tests {

/// Seconds of processor time so far, on all cores.
inline double cpu_seconds() {
  ::timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

inline std::size_t resident_bytes() {
  std::size_t all = 0, resident = 0;
  std::ifstream{"/proc/self/statm"} >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace hubbub::tests
