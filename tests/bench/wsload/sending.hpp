#pragma once

#include "connection.hpp"

void queue_frame(Conn& c, u8 op, const string& s);
void flush(Conn& c);
void flush_dirty();  // those that something was queued for
