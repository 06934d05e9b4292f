#pragma once

#include "connection.hpp"

void make_payload();
void publish(Conn& p, u32 room, u32 stream, u64 ts);
