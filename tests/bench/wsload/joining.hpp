// What a connection says before it takes part, and waits for.
#pragma once

#include "connection.hpp"

void run_steps(Conn& c);
void step_frame(Conn& c, const char* p, size_t n);
void note_position(Conn& c, const char* p, size_t n);
