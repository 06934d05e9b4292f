#pragma once

#include <ctime>

namespace hubbub::tests {

/// Seconds of processor time that this process has used, on all cores.
inline double cpu_seconds() {
  ::timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

} // namespace hubbub::tests
