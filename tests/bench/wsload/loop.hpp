#pragma once

#include "basics.hpp"

void poll_once(u64 max_wait_ns);
void run_for(double secs);
struct OpenResult { double secs; u32 ok; };
OpenResult open_all(u32 from, u32 to);
