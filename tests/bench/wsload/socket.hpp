// Bytes to a server and from it, with TLS or without.
#pragma once

#include "connection.hpp"

#include <sys/types.h>

void tls_begin(Conn& c);
void tls_end(Conn& c);
ssize_t put(Conn& c, const char* p, size_t n);
ssize_t get(Conn& c, char* p, size_t n);
