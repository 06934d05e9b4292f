// What is measured, and reported, once all subscribers and publishers are there.
#pragma once

#include "accounting.hpp"
#include "loop.hpp"

// Before and after they came.
struct Start { SrvStat before, after; u64 ktcp, slab, own_before, own_after; OpenResult r; };

void idle(const Start& start);
void storm(const Start& start);
void load(const Start& start);  // fanout, rooms, slow, echo
