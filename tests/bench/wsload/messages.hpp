// What a server says, in the data of a frame: events that were published here, and all else.
#pragma once

#include "connection.hpp"

void make_sequences();
size_t on_data(Conn& c, const char* p, size_t n, u64 t);  // returns bytes consumed (all, unless raw_stream keeps a tail)
